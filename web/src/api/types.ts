// The names the page uses for the API's shapes.

export interface UserCard {
  id: number;
  handle: string;
  name: string;
  avatar?: string | null;
}

export interface Profile extends UserCard {
  bio: string;
  post_count: number;
  follower_count: number;
  following_count: number;
  is_following: boolean;
  is_followed_by: boolean;
  is_blocked?: boolean;
  is_muted?: boolean;
  created_at?: string;
}

export interface Account extends UserCard {
  bio: string;
  email: string;
  roles: string[];
  created_at?: string;
}

export interface MediaVariant {
  url: string;
  width: number;
  height: number;
  content_type: string;
}

export interface PostMedia {
  id: number;
  url: string;
  width: number;
  height: number;
  variants?: MediaVariant[];
}

export interface Post {
  id: number;
  author: UserCard;
  text: string;
  media: PostMedia[];
  like_count: number;
  comment_count: number;
  liked: boolean;
  created_at: string;
  edited_at?: string | null;
}

export interface FeedItem {
  post: Post;
  seen: boolean;
  source: "live" | "archive";
}

export interface Comment {
  id: number;
  post_id: number;
  author: UserCard;
  text: string;
  created_at: string;
  edited_at?: string | null;
}

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

export interface Device {
  id: number;
  current: boolean;
  user_agent: string;
  created_at: string;
  last_used_at: string;
  address: string;
}

export type ReportState = "open" | "kept" | "hidden";

export interface Report {
  id: number;
  reporter: UserCard;
  post_id?: number | null;
  comment_id?: number | null;
  user_id?: number | null;
  author?: UserCard | null;
  text?: string | null;
  reason: string;
  state: ReportState;
  created_at: string;
  resolved_at?: string | null;
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
