import { Dialog } from "../components/Dialog";
import { useText } from "../i18n";
import { closeDialog } from "./ui";

export function HelpDialog() {
  const t = useText();
  const rows: [string, string][] = [
    ["j", t.help.next],
    ["k", t.help.previous],
    ["l", t.help.like],
    ["Enter", t.help.open],
    ["n", t.help.compose],
    ["/", t.help.search],
    ["h", t.help.home],
    ["?", t.help.this],
    ["Esc", t.help.close],
  ];
  return (
    <Dialog title={t.help.title} onClose={closeDialog} className="small">
      <dl className="keys dialog-body">
        {rows.map(([key, meaning]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
