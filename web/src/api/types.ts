// The names the page uses for the API's shapes: schema.ts is generated from docs/openapi.json
// (`npm run types`), this file only names what is in it.
import type { components } from "./schema";

type Schemas = components["schemas"];

export type UserCard = Schemas["Card"];
export type Profile = Schemas["UserProfile"];
export type Account = Schemas["Me"];
export type SignUp = Schemas["SignUp"];
export type SignIn = Schemas["SignIn"];
export type ProfileChange = Schemas["EditMe"];
export type PasswordChange = Schemas["ChangePassword"];
export type Device = Schemas["Session"];

export type Post = Schemas["Post"];
export type PostMedia = Schemas["View"];
export type FeedItem = Schemas["FeedListItem"];
export type Comment = Schemas["Comment"];
export type Report = Schemas["Report"];
export type ReportState = Report["state"];
export type NewReport = Schemas["WriteReport"];
export type SuspendedAccount = Schemas["SuspendedAccount"];
export type AuditRecord = Schemas["AuditRecord"];
export type ParkedEvent = Schemas["ParkedEvent"];
export type ParkedState = ParkedEvent["state"];

export type Notification = Schemas["Notification"];
export type MediaState = Schemas["MediaState"];
export type MediaTicket = Schemas["Ticket"];

export interface Page<T> {
  items: T[];
  next_cursor?: string | null;
}

// What the event stream brings. "reset" means: something may have been missed, look at everything.
export interface LiveEvent {
  type: string;
  id?: string | number;
  data?: Record<string, unknown>;
  created_at?: string;
}
