import { del, get, patch, post } from "./client";
import type { Account, Device, Page } from "./types";

// Sign-in by cookie: the token stays out of the page's reach.
const byCookie = { "Madang-Session": "cookie" };

export interface SignUp {
  email: string;
  password: string;
  handle: string;
  name?: string;
}

export const signUp = (body: SignUp) =>
  post<{ account: Account }>("/accounts", body, { headers: byCookie, retries: 0 });

export const signIn = (body: { email: string; password: string }) =>
  post<{ account: Account }>("/sessions", body, { headers: byCookie, retries: 0 });

export const signOut = () => del("/sessions/current");
export const readMe = () => get<Account>("/me");

export interface ProfileChange {
  handle?: string;
  name?: string;
  bio?: string;
  // The id of a ready picture, or null for none.
  avatar?: number | null;
}
export const changeMe = (body: ProfileChange) => patch<Account>("/me", body);
export const withdraw = (password: string) => del("/me", { body: { password } });
export const changePassword = (body: { old: string; new: string }) => post("/me/password", body);
export const readDevices = () => get<Page<Device>>("/sessions");
export const endDevice = (id: number) => del(`/sessions/${id}`);
