import { useMemo } from "react";
import { Link, paths } from "../app/router";
import { splitText } from "./splitText";

export function RichText({ text }: { text: string }) {
  const pieces = useMemo(() => splitText(text), [text]);
  return pieces.map((piece, index) => {
    if (piece.kind === "person") {
      return (
        <Link key={index} to={paths.user(piece.handle)} className="in-text">
          {piece.text}
        </Link>
      );
    }
    if (piece.kind === "link") {
      return (
        <a
          key={index}
          href={piece.url}
          className="in-text"
          target="_blank"
          rel="noopener noreferrer nofollow ugc"
        >
          {piece.text}
        </a>
      );
    }
    return piece.text;
  });
}
