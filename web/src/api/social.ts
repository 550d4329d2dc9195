import { call, newKey } from "./client";
import type { NewReport } from "./types";

const limit = 20;
type Cursor = string | undefined;
type Signal = AbortSignal;

export const readFeed = (cursor: Cursor, signal: Signal) =>
  call("GET", "/feed", { query: { limit, cursor }, signal });
// A look that marks nothing as seen.
export const peekFeed = () =>
  call("GET", "/feed", { query: { limit, mark_seen: false }, retries: 0 });

export const readRanking = (cursor: Cursor, signal: Signal) =>
  call("GET", "/posts/ranking", { query: { limit, cursor }, signal });
export const readUserPosts = (id: number) => (cursor: Cursor, signal: Signal) =>
  call("GET", "/users/{id}/posts", { path: { id }, query: { limit, cursor }, signal });
export const readMyLikes = (cursor: Cursor, signal: Signal) =>
  call("GET", "/me/likes", { query: { limit, cursor }, signal });
export const readFollowers = (id: number) => (cursor: Cursor, signal: Signal) =>
  call("GET", "/users/{id}/followers", { path: { id }, query: { limit, cursor }, signal });
export const readFollowing = (id: number) => (cursor: Cursor, signal: Signal) =>
  call("GET", "/users/{id}/following", { path: { id }, query: { limit, cursor }, signal });
export const searchPeople = (query: string) => (cursor: Cursor, signal: Signal) =>
  call("GET", "/users", { query: { query, limit, cursor }, signal });
export const readComments = (id: number) => (cursor: Cursor, signal: Signal) =>
  call("GET", "/posts/{id}/comments", { path: { id }, query: { limit, cursor }, signal });

export const readPost = (id: number, signal?: Signal) =>
  call("GET", "/posts/{id}", { path: { id }, signal });
export const createPost = (body: { text: string; media: number[] }, idempotencyKey: string) =>
  call("POST", "/posts", { body, idempotencyKey, retries: 2 });
export const editPost = (id: number, text: string) =>
  call("PATCH", "/posts/{id}", { path: { id }, body: { text } });
export const deletePost = (id: number) => call("DELETE", "/posts/{id}", { path: { id } });

export const setLike = (id: number, on: boolean) =>
  call(on ? "PUT" : "DELETE", "/posts/{id}/like", { path: { id } });

export const createComment = (id: number, text: string, idempotencyKey: string) =>
  call("POST", "/posts/{id}/comments", {
    path: { id },
    body: { text },
    idempotencyKey,
    retries: 2,
  });
export const editComment = (id: number, text: string) =>
  call("PATCH", "/comments/{id}", { path: { id }, body: { text } });
export const deleteComment = (id: number) => call("DELETE", "/comments/{id}", { path: { id } });

export const readProfile = (handle: string, signal?: Signal) =>
  call("GET", "/users/by-handle/{handle}", { path: { handle }, signal });
export const setFollow = (id: number, on: boolean) =>
  call(on ? "PUT" : "DELETE", "/users/{id}/follow", { path: { id } });
export const setBlock = (id: number, on: boolean) =>
  call(on ? "PUT" : "DELETE", "/users/{id}/block", { path: { id } });
export const setMute = (id: number, on: boolean) =>
  call(on ? "PUT" : "DELETE", "/users/{id}/mute", { path: { id } });

export type ReportTarget = Omit<NewReport, "reason">;
export const sendReport = (target: ReportTarget, reason: string) =>
  call("POST", "/reports", { body: { ...target, reason }, idempotencyKey: newKey() });

export const readNotifications = (cursor: Cursor, signal: Signal) =>
  call("GET", "/notifications", { query: { limit, cursor }, signal });
export const readUnread = () => call("GET", "/notifications", { query: { limit: 1 }, retries: 0 });
export const markRead = (upTo: number) =>
  call("POST", "/notifications/read", { body: { up_to: upTo } });
