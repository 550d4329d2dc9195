import assert from "node:assert/strict";
import { test } from "node:test";
import { splitText } from "../src/components/splitText";

const shown = (text: string) => splitText(text).map((piece) => `${piece.kind}:${piece.text}`);

test("plain text stays one piece", () => {
  assert.deepEqual(shown("<b>안녕</b> & bye"), ["text:<b>안녕</b> & bye"]);
  assert.deepEqual(shown(""), []);
});

test("addresses end where the sentence goes on", () => {
  const pieces = splitText("see (https://example.com/a_(b)?q=1&r=2). then");
  const link = pieces.find((piece) => piece.kind === "link");
  assert.equal(link?.kind === "link" && link.url, "https://example.com/a_(b)?q=1&r=2");
  assert.equal(pieces.at(-1)?.text, "). then");
});

test("only the web's own schemes become links", () => {
  for (const text of [
    "javascript:alert(1)",
    "data:text/html,x",
    "ftp://a.b",
    "http://",
    "https://[",
  ]) {
    assert.deepEqual(shown(text), [`text:${text}`], text);
  }
});

test("people: Latin and Hangul handles, not in words or e-mail addresses", () => {
  assert.deepEqual(shown("@minji_1, hi"), ["person:@minji_1", "text:, hi"]);
  assert.deepEqual(shown("(@마당쇠)"), ["text:(", "person:@마당쇠", "text:)"]);
  for (const text of ["a@b.example", "x@minji", "@a", `@${"a".repeat(21)}`, "@@minji"]) {
    assert.ok(!shown(text).some((piece) => piece.startsWith("person:")), text);
  }
});

test("nothing of the text is lost or made up", () => {
  const samples = [
    "@ab@cd",
    "https://a.b/@minji x",
    "끝.https://a.example/길?x=한글!",
    "a\n@minji\nhttps://x.y\n",
  ];
  for (const text of samples) {
    const back = splitText(text).map((piece) => (piece.kind === "link" ? "\u0000" : piece.text));
    assert.equal(
      back.join("").replaceAll("\u0000", ""),
      text.replace(/https?:\/\/[^\s!]+/g, ""),
      text,
    );
  }
});
