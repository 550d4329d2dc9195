import { call, del, get, newKey, patch, post } from "./client";
import type {
  Comment,
  FeedItem,
  FollowState,
  LikeState,
  NewReport,
  Notification,
  Page,
  Person,
  Post,
  Profile,
  Report,
  ReportState,
} from "./types";

export const pageSize = 20;
type Cursor = string | undefined;

const list =
  <T>(path: string, query: Record<string, string | number | undefined> = {}) =>
  (cursor: Cursor, signal: AbortSignal) =>
    get<Page<T>>(path, { query: { limit: pageSize, ...query, cursor }, signal });

export const readFeed = list<FeedItem>("/feed");
// A look that marks nothing as seen.
export const peekFeed = () =>
  get<Page<FeedItem>>("/feed", { query: { limit: pageSize, mark_seen: 0 }, retries: 0 });

export const readRanking = list<Post>("/posts/ranking");
export const readUserPosts = (userId: number) => list<Post>(`/users/${userId}/posts`);
export const readMyLikes = list<Post>("/me/likes");
export const readFollowers = (userId: number) => list<Person>(`/users/${userId}/followers`);
export const readFollowing = (userId: number) => list<Person>(`/users/${userId}/following`);
export const searchPeople = (query: string) => list<Person>("/users", { query });
export const readComments = (postId: number) => list<Comment>(`/posts/${postId}/comments`);

export const readPost = (id: number, signal?: AbortSignal) => get<Post>(`/posts/${id}`, { signal });
export const createPost = (body: { text: string; media: number[] }, idempotencyKey: string) =>
  post<Post>("/posts", body, { idempotencyKey, retries: 2 });
export const editPost = (id: number, text: string) => patch<Post>(`/posts/${id}`, { text });
export const deletePost = (id: number) => del(`/posts/${id}`);

export const setLike = (id: number, liked: boolean) =>
  call<LikeState>(liked ? "PUT" : "DELETE", `/posts/${id}/like`);

export const createComment = (postId: number, text: string, idempotencyKey: string) =>
  post<Comment>(`/posts/${postId}/comments`, { text }, { idempotencyKey, retries: 2 });
export const editComment = (id: number, text: string) =>
  patch<Comment>(`/comments/${id}`, { text });
export const deleteComment = (id: number) => del(`/comments/${id}`);

export const readProfile = (handle: string, signal?: AbortSignal) =>
  get<Profile>(`/users/by-handle/${encodeURIComponent(handle)}`, { signal });

export const setFollow = (id: number, following: boolean) =>
  call<FollowState>(following ? "PUT" : "DELETE", `/users/${id}/follow`);
export const setBlock = (id: number, on: boolean) =>
  call<unknown>(on ? "PUT" : "DELETE", `/users/${id}/block`);
export const setMute = (id: number, on: boolean) =>
  call<unknown>(on ? "PUT" : "DELETE", `/users/${id}/mute`);

export type ReportTarget = Omit<NewReport, "reason">;
export const sendReport = (target: ReportTarget, reason: string) =>
  post("/reports", { ...target, reason }, { idempotencyKey: newKey() });

export const readReports = (state: ReportState) => list<Report>("/admin/reports", { state });
export const resolveReport = (id: number, hide: boolean) =>
  post<unknown>(`/admin/reports/${id}/resolve`, { hide });

export type NotificationPage = Page<Notification> & { unread: number };
export const readNotifications = (cursor: Cursor, signal: AbortSignal) =>
  get<NotificationPage>("/notifications", { query: { limit: pageSize, cursor }, signal });
export const readUnread = () =>
  get<NotificationPage>("/notifications", { query: { limit: 1 }, retries: 0 });
export const markRead = (upTo: number) => post<unknown>("/notifications/read", { up_to: upTo });
