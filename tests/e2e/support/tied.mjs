// Children that end with the test that started them, also when it is killed and can end nothing.
import { spawn } from "node:child_process";

export const spawnTied = (program, args, options) =>
  spawn("setpriv", ["--pdeathsig", "KILL", program, ...args], options);
