export type Piece =
  | { kind: "text"; text: string }
  | { kind: "link"; text: string; url: string }
  | { kind: "person"; text: string; handle: string };

// An address of the web, or @handle (2 to 20 Latin or Hangul letters, digits, underscores) that
// does not stand inside a word or an e-mail address.
const pattern =
  /(https?:\/\/[^\s<>"'`]+)|(?<![\p{L}\p{N}_.@/])@([\p{Script=Latin}\p{Script=Hangul}0-9_]{2,20})(?![\p{L}\p{N}_@])/giu;

const shownUrlLength = 48;

const count = (text: string, letter: string) => text.split(letter).length - 1;

// A full stop or bracket after an address belongs to the sentence, unless the bracket opened inside.
function trimUrl(text: string): string {
  let url = text;
  for (;;) {
    const before = url;
    url = url.replace(/[.,!?;:…。、]+$/u, "");
    if (url.endsWith(")") && count(url, ")") > count(url, "(")) url = url.slice(0, -1);
    if (url === before) return url;
  }
}

function shownUrl(url: URL): string {
  const text = decodeSafely(url.host + (url.pathname === "/" ? "" : url.pathname) + url.search);
  return text.length > shownUrlLength ? `${text.slice(0, shownUrlLength - 1)}…` : text;
}

function decodeSafely(text: string): string {
  try {
    return decodeURI(text);
  } catch {
    return text;
  }
}

function linkPiece(raw: string): { piece: Piece; length: number } | undefined {
  const text = trimUrl(raw);
  try {
    const url = new URL(text);
    return { piece: { kind: "link", text: shownUrl(url), url: url.href }, length: text.length };
  } catch {
    return undefined;
  }
}

// Splits a text into plain pieces, links and people. It never makes markup of what people wrote.
export function splitText(text: string): Piece[] {
  const pieces: Piece[] = [];
  let done = 0;
  const plainUpTo = (end: number) => {
    if (end > done) pieces.push({ kind: "text", text: text.slice(done, end) });
    done = end;
  };
  for (const match of text.matchAll(pattern)) {
    const [whole, url, handle] = match;
    if (url) {
      const link = linkPiece(url);
      if (!link) continue;
      plainUpTo(match.index);
      pieces.push(link.piece);
      done = match.index + link.length;
    } else if (handle) {
      plainUpTo(match.index);
      pieces.push({ kind: "person", text: whole, handle });
      done = match.index + whole.length;
    }
  }
  plainUpTo(text.length);
  return pieces;
}
