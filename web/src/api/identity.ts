import { call } from "./client";
import type { PasswordChange, ProfileChange, SignIn, SignUp } from "./types";

// Sign-in by cookie: the token stays out of the page's reach.
const byCookie = { "Madang-Session": "cookie" };

export const signUp = (body: SignUp) =>
  call("POST", "/accounts", { body, headers: byCookie, retries: 0 });
export const signIn = (body: SignIn) => call("POST", "/sessions", { body, headers: byCookie });
export const signOut = () => call("DELETE", "/sessions/current", {});

export const readMe = () => call("GET", "/me", {});
export const changeMe = (body: ProfileChange) => call("PATCH", "/me", { body });
export const withdraw = (password: string) => call("DELETE", "/me", { body: { password } });
export const changePassword = (body: PasswordChange) => call("POST", "/me/password", { body });

export const readDevices = () => call("GET", "/sessions", {});
export const endDevice = (id: number) => call("DELETE", "/sessions/{id}", { path: { id } });
