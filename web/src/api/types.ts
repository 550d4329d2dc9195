// The names the page uses for the API's shapes: schema.ts is generated from docs/openapi.json
// (`npm run types`), this file only names what is in it.
import type { components } from "./schema";

type Schemas = components["schemas"];

export type UserCard = Schemas["Card"];
export type Person = Schemas["Person"];
export type Profile = Schemas["UserProfile"];
export type Account = Schemas["Me"];
export type SignUp = Schemas["SignUp"];
export type SignIn = Schemas["SignIn"];
export type SignedIn = Schemas["SignedIn"];
export type ProfileChange = Schemas["EditMe"];
export type PasswordChange = Schemas["ChangePassword"];
export type Device = Schemas["Session"];

export type Post = Schemas["Post"];
export type PostMedia = Schemas["View"];
export type MediaVariant = Schemas["Variant"];
export type FeedItem = Schemas["FeedListItem"];
export type Comment = Schemas["Comment"];
export type LikeState = Schemas["LikeState"];
export type FollowState = Schemas["FollowState"];
export type Report = Schemas["Report"];
export type ReportState = Report["state"];
export type NewReport = Schemas["WriteReport"];

// `actor` and `actor_count - 1` others: the server groups them.
export interface Notification {
  id: number;
  type: "follow" | "like" | "comment";
  actor: UserCard;
  actor_count: number;
  post?: { id: number; text: string } | null;
  comment_id?: number | null;
  created_at: string;
  read: boolean;
}

export interface MediaState {
  id: number;
  state: "waiting" | "processing" | "ready" | "refused";
  reason?: string | null;
  url?: string | null;
  width?: number | null;
  height?: number | null;
}

export interface MediaTicket {
  id: number;
  upload: { method: string; url: string; headers: Record<string, string>; expires_at: string };
}

export interface Page<T> {
  items: T[];
  next_cursor?: string | null;
}

export interface LiveEvent {
  id: string | number;
  type: string;
  data: Record<string, unknown>;
  created_at: string;
}
