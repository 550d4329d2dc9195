const browsers: readonly [RegExp, string][] = [
  [/KAKAOTALK/i, "KakaoTalk"],
  [/NAVER\(/i, "Naver"],
  [/Whale\//, "Whale"],
  [/SamsungBrowser\//, "Samsung Internet"],
  [/Edg(e|A|iOS)?\//, "Edge"],
  [/OPR\//, "Opera"],
  [/Firefox\/|FxiOS\//, "Firefox"],
  [/Chrome\/|CriOS\//, "Chrome"],
  [/Safari\//, "Safari"],
  [/curl\//, "curl"],
];

const systems: readonly [RegExp, string, boolean][] = [
  [/iPhone/, "iPhone", true],
  [/iPad/, "iPad", true],
  [/Android/, "Android", true],
  [/CrOS/, "ChromeOS", false],
  [/Windows/, "Windows", false],
  [/Mac OS X|Macintosh/, "Mac", false],
  [/Linux/, "Linux", false],
];

// Enough to know one's own devices by; undefined when nothing is recognised.
export function describeUserAgent(text: string): { name: string; phone: boolean } | undefined {
  const browser = browsers.find(([pattern]) => pattern.test(text))?.[1];
  const system = systems.find(([pattern]) => pattern.test(text));
  if (!browser && !system) return undefined;
  return { name: [browser, system?.[1]].filter(Boolean).join(" · "), phone: system?.[2] ?? false };
}
