import { useLayoutEffect, useRef } from "react";
import { useText } from "../../i18n";

export const longestPost = 1000;
const warnFrom = 100;

// The server counts code points of the normalised text.
export const lengthOf = (text: string) => Array.from(text.normalize("NFC").trim()).length;

interface TextAreaProps {
  value: string;
  onChange: (value: string) => void;
  onSend: () => void;
  placeholder: string;
  label: string;
}

// Grows with its text.
export function TextArea({ value, onChange, onSend, placeholder, label }: TextAreaProps) {
  const ref = useRef<HTMLTextAreaElement>(null);
  useLayoutEffect(() => {
    const area = ref.current!;
    area.style.height = "auto";
    area.style.height = `${area.scrollHeight}px`;
  }, [value]);
  return (
    <textarea
      ref={ref}
      className="big-text"
      value={value}
      rows={4}
      placeholder={placeholder}
      aria-label={label}
      data-autofocus
      onChange={(event) => onChange(event.target.value)}
      onKeyDown={(event) => {
        if (event.key === "Enter" && (event.metaKey || event.ctrlKey)) onSend();
      }}
    />
  );
}

export function Counter({ text }: { text: string }) {
  const t = useText();
  const left = longestPost - lengthOf(text);
  if (left > warnFrom) return null;
  return (
    <span className={left < 0 ? "counter over" : "counter"} role="status">
      {left < 0 ? t.composer.over(-left) : t.composer.left(left)}
    </span>
  );
}
