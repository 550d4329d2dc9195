import { del, get, patch, post } from "./client";
import type {
  Account,
  Device,
  Page,
  PasswordChange,
  ProfileChange,
  SignedIn,
  SignIn,
  SignUp,
} from "./types";

// Sign-in by cookie: the token stays out of the page's reach.
const byCookie = { "Madang-Session": "cookie" };

export const signUp = (body: SignUp) =>
  post<SignedIn>("/accounts", body, { headers: byCookie, retries: 0 });

export const signIn = (body: SignIn) =>
  post<SignedIn>("/sessions", body, { headers: byCookie, retries: 0 });

export const signOut = () => del("/sessions/current");
export const readMe = () => get<Account>("/me");
export const changeMe = (body: ProfileChange) => patch<Account>("/me", body);
export const withdraw = (password: string) => del("/me", { body: { password } });
export const changePassword = (body: PasswordChange) => post("/me/password", body);
export const readDevices = () => get<Page<Device>>("/sessions");
export const endDevice = (id: number) => del(`/sessions/${id}`);
