import type { ReportTarget } from "../api/social";
import type { Post, PostMedia, UserCard } from "../api/types";
import { Store } from "./store";

// Which of the page's own dialogs is open.
export type OpenDialog =
  | { kind: "composer" }
  | { kind: "edit"; post: Post }
  | { kind: "help" }
  | { kind: "report"; target: ReportTarget; title: string }
  | { kind: "suspend"; user: UserCard; done: () => void }
  | { kind: "pictures"; media: PostMedia[]; index: number; by: string }
  | {
      kind: "confirm";
      title: string;
      text: string;
      action: string;
      danger?: boolean;
      run: () => Promise<void> | void;
    };

export const openDialog = new Store<OpenDialog | undefined>(undefined);
export const show = (dialog: OpenDialog) => openDialog.set(dialog);
export const closeDialog = () => openDialog.set(undefined);
