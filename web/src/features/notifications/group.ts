import type { Notification } from "../../api/types";

export interface Group {
  // The newest one; it names the group.
  first: Notification;
  all: Notification[];
  others: number;
  read: boolean;
}

const longestGapMs = 24 * 3_600_000;

function together(a: Notification, b: Notification): boolean {
  const gap = Math.abs(Date.parse(a.created_at) - Date.parse(b.created_at));
  return a.type === b.type && a.post?.id === b.post?.id && a.read === b.read && gap < longestGapMs;
}

// "Minji and 3 others liked your post": neighbours of the same kind, about the same post, within
// a day, read or unread alike. The list is newest first.
export function groupNotifications(items: Notification[]): Group[] {
  const groups: Group[] = [];
  for (const item of items) {
    const last = groups[groups.length - 1];
    if (last && together(last.first, item)) last.all.push(item);
    else groups.push({ first: item, all: [item], others: 0, read: item.read });
  }
  for (const group of groups) {
    const people = new Set(group.all.map((one) => one.actor.id));
    const counted = group.all.reduce((sum, one) => sum + (one.others ?? 0), 0);
    group.others = people.size - 1 + counted;
  }
  return groups;
}
