// SQL as C++ sources spell it: string literals side by side or joined with +, other operands between.

// Keeps strings and the punctuation that ends an expression; drops comments, leaves the rest as names.
function* tokens(text) {
  const token =
    /\/\/[^\n]*|\/\*[\s\S]*?\*\/|R"(\w*)\(([\s\S]*?)\)\1"|"((?:[^"\\\n]|\\.)*)"|'(?:[^'\\\n]|\\.)'|[A-Za-z_]\w*|[\d.]+(?:'\d+)*|[^\s]/g;
  for (const match of text.matchAll(token)) {
    const [whole, , raw, plain] = match;
    if (whole.startsWith("//") || whole.startsWith("/*")) continue;
    if (raw !== undefined || plain !== undefined) {
      yield { string: raw ?? unescape(plain), at: match.index };
    } else {
      yield { mark: whole, at: match.index };
    }
  }
}

const unescape = (text) => text.replace(/\\(n|t|.)/g, (_, c) => ({ n: "\n", t: "\t" })[c] ?? c);
const quote = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
const clean = (text) => text.replace(/\s+/g, " ");

// Constants of one file: `name = "..." "...";`
function constants(all) {
  const found = new Map();
  for (let i = 0; i + 2 < all.length; ++i) {
    if (all[i + 1].mark !== "=" || all[i + 2].string === undefined) continue;
    const { parts } = expression(all, i + 2, new Map());
    if (parts.length === 1) found.set(all[i].mark, parts[0]);
  }
  return found;
}

// The expression that begins with token i: its literals and, between them, null for anything else.
function expression(all, i, known) {
  const parts = [];
  for (let depth = 0; i < all.length; ++i) {
    const { mark } = all[i];
    const string = all[i].string ?? known.get(mark);
    if (string !== undefined) {
      if (typeof parts.at(-1) === "string") parts.push(parts.pop() + string);
      else parts.push(string);
      continue;
    }
    if (mark === "(" || mark === "{" || mark === "[") ++depth;
    if (mark === ")" || mark === "}" || mark === "]") --depth;
    if (depth < 0 || (depth === 0 && (mark === "," || mark === ";"))) break;
    if (mark !== "+" && parts.at(-1) !== null) parts.push(null);
  }
  // A text that ends in the middle is a beginning that something is appended to.
  if (/ $/.test(parts.at(-1) ?? "")) parts.push(null);
  return { parts };
}

const begins = /^\s*(select|insert into|update|delete from|with)\s/i;
const hasPlace = /[=<>(,] ?\?|\b(limit|offset|like|values) \?/i;

// statements: {file, line, text, pattern}: a whole text, `.*` where the sources put something in.
// fragments: {file, line, text}: literals with places in them that are put into others.
export function statementsIn(files) {
  const statements = [];
  const fragments = [];
  for (const { file, text } of files) {
    const all = [...tokens(text)];
    const known = constants(all);
    for (let i = 0; i < all.length; ++i) {
      if (all[i].string === undefined) continue;
      const { parts } = expression(all, i, known);
      const line = text.slice(0, all[i].at).split("\n").length;
      const literal = clean(parts[0]);
      if (begins.test(literal)) {
        const pattern = parts.map((part) => (part === null ? ".*" : quote(clean(part)))).join("");
        statements.push({
          file,
          line,
          text: literal.trim(),
          pattern: new RegExp(`^${pattern.trim()}$`),
        });
      } else if (hasPlace.test(literal)) {
        fragments.push({ file, line, text: literal.trim() });
      }
      while (all[i + 1]?.string !== undefined) ++i;
    }
  }
  return { statements, fragments };
}
