import type { Post } from "../../api/types";
import { usePerson } from "../../app/entities";
import { paths } from "../../app/router";
import { useMe } from "../../app/session";
import { show } from "../../app/ui";
import { Menu, type MenuItem } from "../../components/Menu";
import { useText } from "../../i18n";
import { askToBlock, setMuted } from "../profile/actions";
import { askToDeletePost, copyLink, signedInOrAsk } from "./actions";

export function PostMenu({ post, onDeleted }: { post: Post; onDeleted?: () => void }) {
  const t = useText();
  const me = useMe();
  const author = usePerson(post.author.id);
  const items: MenuItem[] = [
    { label: t.action.share, icon: "link", run: () => void copyLink(paths.post(post.id)) },
  ];
  if (me?.id === post.author.id) {
    items.push(
      { label: t.action.edit, icon: "edit", run: () => show({ kind: "edit", post }) },
      {
        label: t.action.remove,
        icon: "trash",
        danger: true,
        run: () => askToDeletePost(post.id, onDeleted),
      },
    );
  } else {
    const muted = author?.is_muted ?? false;
    items.push(
      {
        label: muted ? t.action.unmute : t.action.mute,
        icon: "mute",
        run: () => void setMuted(post.author, !muted),
      },
      { label: t.action.block, icon: "block", danger: true, run: () => askToBlock(post.author) },
      {
        label: t.action.report,
        icon: "flag",
        danger: true,
        run: () =>
          signedInOrAsk() &&
          show({
            kind: "report",
            target: { post_id: post.id },
            title: t.post.titleBy(post.author.name || post.author.handle),
          }),
      },
    );
  }
  return <Menu label={t.action.options} items={items} />;
}
