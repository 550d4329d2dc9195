import { useState } from "react";
import type { UserCard } from "../api/types";
import { Link, paths } from "../app/router";

const tones = 6;

// The same person always has the same colour.
function toneOf(user: UserCard): number {
  let sum = 0;
  for (const letter of user.handle.toLowerCase()) sum = (sum * 31 + letter.codePointAt(0)!) >>> 0;
  return sum % tones;
}

export function firstLetter(user: UserCard): string {
  return Array.from(user.name || user.handle)[0]?.toUpperCase() ?? "?";
}

type Size = "small" | "normal" | "large" | "huge";

export function Avatar({ user, size = "normal" }: { user: UserCard; size?: Size }) {
  const [broken, setBroken] = useState<string>();
  const picture = user.avatar && user.avatar !== broken ? user.avatar : undefined;
  return (
    <span className={`avatar ${size} tone-${toneOf(user)}`} aria-hidden="true">
      {picture ? (
        <img
          src={picture}
          alt=""
          loading="lazy"
          decoding="async"
          onError={() => setBroken(picture)}
        />
      ) : (
        firstLetter(user)
      )}
    </span>
  );
}

// Beside a name that is a link already, the picture need not be a second stop for the keyboard.
export function AvatarLink({ user, size }: { user: UserCard; size?: Size }) {
  return (
    <Link to={paths.user(user.handle)} className="avatar-link" tabIndex={-1} aria-hidden="true">
      <Avatar user={user} size={size} />
    </Link>
  );
}

export const shownName = (user: UserCard) => user.name || user.handle;
