// A real S3: Ceph's gateway over one object store in memory, one user, one bucket.
import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { Refusal } from "./layout.mjs";
import { runTool, startMember, until } from "./members.mjs";

export const bucket = "madang";
export const keys = {
  access: "MADANGCLUSTERKEY",
  secret: "madang-cluster-secret-of-this-machine-only",
};

// The two paxos lines: without them making the gateway's pools takes ten seconds more. No admin sockets:
// their paths would be longer than the kernel takes.
const settings = (layout, fsid) => `[global]
fsid = ${fsid}
mon host = [v2:${layout.address("s3-mon:3300")}]
mon initial members = a
public network = 127.0.0.0/8
cluster network = 127.0.0.0/8
ms bind msgr1 = false
ms bind port min = ${layout.osdPorts[0]}
ms bind port max = ${layout.osdPorts[1]}
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
auth allow insecure global id reclaim = false
keyring = ${layout.path("data/s3/keyring")}
run dir = ${layout.path("data/s3/run")}
crash dir = ${layout.path("data/s3/crash")}
admin socket =
pid file =
log to file = false
mon cluster log to file = false
log to stderr = true
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pgp num = 4
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon warn on pool no redundancy = false
mon data avail warn = 1
mon data avail crit = 1
paxos propose interval = 0.02
paxos min wait = 0.01
mon osd min up ratio = 0
mon osd adjust heartbeat grace = false
osd heartbeat interval = 1
[mon.a]
mon data = ${layout.path("data/s3/mon")}
[osd]
osd objectstore = memstore
memstore device bytes = 2147483648
osd data = ${layout.path("data/s3/osd")}
[osd.0]
host = localhost
[client.rgw]
rgw data = ${layout.path("data/s3/rgw")}
rgw frontends = beast endpoint=${layout.address("s3:7480")}
rgw enable usage log = false
rgw dns name = localhost
rgw gc obj min wait = 5
rgw thread pool size = 32
`;

// The page uploads to the bucket itself, from whatever origin it is served from.
const cors = `<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod>
<AllowedMethod>PUT</AllowedMethod><AllowedMethod>HEAD</AllowedMethod><AllowedHeader>*</AllowedHeader>
<ExposeHeader>ETag</ExposeHeader><MaxAgeSeconds>600</MaxAgeSeconds></CORSRule></CORSConfiguration>`;

const conf = (layout) => layout.path("config", "ceph.conf");

export function units(layout) {
  const one = (name, ports, ...command) => ({
    name,
    group: "s3",
    ports,
    command: [...command, "-c", conf(layout), "-f"],
  });
  return [
    one("s3-mon", [layout.port("s3-mon:3300")], "ceph-mon", "-i", "a"),
    one("s3-osd", [], "ceph-osd", "-i", "0"),
    one("s3", [layout.port("s3:7480")], "radosgw", "-n", "client.rgw"),
  ];
}

const answers = (layout) => async () =>
  (await fetch(`http://${layout.address("s3:7480")}/`)).status < 500;

async function makeKeyring(layout, tool) {
  const keyring = layout.path("data/s3/keyring");
  const caps = {
    "mon.": ["mon", "allow *"],
    "client.admin": ["mon", "allow *", "osd", "allow *"],
    "client.rgw": ["mon", "allow rw", "osd", "allow rwx"],
    "osd.0": ["mon", "allow profile osd", "osd", "allow *"],
  };
  for (const [name, list] of Object.entries(caps)) {
    const granted = [];
    for (let i = 0; i < list.length; i += 2) granted.push("--cap", list[i], list[i + 1]);
    const create = existsSync(keyring) ? [] : ["--create-keyring"];
    await tool("ceph-authtool", ...create, keyring, "--gen-key", "-n", name, ...granted);
  }
  return keyring;
}

async function makeBucket(layout, tool) {
  const request = (query, ...more) =>
    tool(
      "curl",
      "--silent",
      "--show-error",
      "--fail-with-body",
      "-X",
      "PUT",
      "--aws-sigv4",
      "aws:amz:us-east-1:s3",
      "--user",
      `${keys.access}:${keys.secret}`,
      ...more,
      `http://${layout.address("s3:7480")}/${bucket}${query}`,
    );
  await until("the bucket", () =>
    request("", "-H", "x-amz-content-sha256: UNSIGNED-PAYLOAD").then(() => true),
  );
  await request(
    "?cors=",
    "-H",
    "x-amz-content-sha256: UNSIGNED-PAYLOAD",
    "-H",
    "Content-Type: application/xml",
    "--data",
    cors,
  );
}

export async function up(layout) {
  const { folder } = layout;
  const [mon, osd, gateway] = units(layout);
  const fsid = randomUUID();
  const osdId = randomUUID();
  for (const name of ["mon", "osd", "rgw", "run"])
    mkdirSync(layout.path("data/s3", name), { recursive: true });
  writeFileSync(conf(layout), settings(layout, fsid));
  const tool = (...command) => runTool(folder, command, { env: { CEPH_CONF: conf(layout) } });
  const keyring = await makeKeyring(layout, tool);
  const map = layout.path("data/s3/monmap");
  await tool(
    "monmaptool",
    "--create",
    "--fsid",
    fsid,
    "--addv",
    "a",
    `[v2:${layout.address("s3-mon:3300")}]`,
    map,
  );
  await tool("ceph-mon", "--mkfs", "-i", "a", "--keyring", keyring, "--monmap", map);
  const started = [startMember(folder, mon)];
  await until(
    "s3-mon",
    () => tool("ceph", "--connect-timeout", "5", "osd", "new", osdId, "0").then(() => true),
    { of: started },
  );
  await Promise.all([
    tool("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", osdId, "--osd-objectstore", "memstore"),
    tool("ceph", "osd", "crush", "add-bucket", "default", "root").then(() =>
      tool("ceph", "osd", "crush", "add", "osd.0", "1.0", "root=default", "host=localhost"),
    ),
  ]);
  started.push(startMember(folder, osd));
  await until("s3-osd", async () => (await tool("ceph", "osd", "stat")).includes("1 up"), {
    of: started,
  });
  started.push(startMember(folder, gateway));
  await until("s3", answers(layout), { of: started });
  await tool(
    "radosgw-admin",
    "-n",
    "client.rgw",
    "user",
    "create",
    "--uid=madang",
    "--display-name=madang",
    `--access-key=${keys.access}`,
    `--secret-key=${keys.secret}`,
  );
  await makeBucket(layout, tool);
}

export async function restart(layout, name) {
  if (name === "s3-osd")
    throw new Refusal("s3-osd held every object in its memory: script/cluster down, then up");
  const unit = units(layout).find((one) => one.name === name);
  const member = startMember(layout.folder, unit);
  if (name === "s3") await until(name, answers(layout), { of: [member] });
}
