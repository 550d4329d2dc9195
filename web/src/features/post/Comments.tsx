import { useEffect, useRef, useState, type FormEvent } from "react";
import { newKey } from "../../api/client";
import { asApiError, type ApiError } from "../../api/problem";
import { createComment, deleteComment, editComment, readComments } from "../../api/social";
import type { Comment, Post } from "../../api/types";
import { posts } from "../../app/entities";
import { useList } from "../../app/lists";
import { Link, paths, placeKind } from "../../app/router";
import { useMe } from "../../app/session";
import { show } from "../../app/ui";
import { Avatar, AvatarLink, shownName } from "../../components/Avatar";
import { Icon } from "../../components/Icon";
import { InfiniteList } from "../../components/InfiniteList";
import { Menu, type MenuItem } from "../../components/Menu";
import { RichText } from "../../components/RichText";
import { PersonSkeleton } from "../../components/states";
import { Time } from "../../components/Time";
import { errorText, fieldText, useText } from "../../i18n";
import { recall, remember } from "../../app/storage";

const longestComment = 1000;

interface CommentFormProps {
  initial?: string;
  draftName?: string;
  label: string;
  send: (text: string, key: string) => Promise<void>;
  onCancel?: () => void;
}

function CommentForm({ initial = "", draftName, label, send, onCancel }: CommentFormProps) {
  const t = useText();
  const me = useMe();
  const [text, setText] = useState(() => (draftName ? recall(draftName) : undefined) ?? initial);
  const [key, setKey] = useState(newKey);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError>();
  const change = (value: string) => {
    setText(value);
    setKey(newKey());
    if (draftName) remember(draftName, value || undefined);
  };
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (!text.trim() || busy) return;
    setBusy(true);
    setError(undefined);
    try {
      await send(text.trim(), key);
      change("");
    } catch (caught) {
      setError(asApiError(caught));
    } finally {
      setBusy(false);
    }
  };
  return (
    <form className="comment-form" onSubmit={(event) => void submit(event)}>
      {me && !onCancel && <Avatar user={me} size="small" />}
      <div className="grow">
        <textarea
          value={text}
          rows={1}
          maxLength={longestComment}
          placeholder={t.comment.placeholder}
          aria-label={t.comment.placeholder}
          onChange={(event) => change(event.target.value)}
          onKeyDown={(event) => {
            if (event.key === "Enter" && (event.metaKey || event.ctrlKey)) void submit(event);
            if (event.key === "Escape" && onCancel) onCancel();
          }}
        />
        {error && (
          <p className="field-note error" role="alert">
            {fieldText(t, error, "text") ?? errorText(t, error)}
          </p>
        )}
      </div>
      {onCancel && (
        <button type="button" className="button small" onClick={onCancel}>
          {t.action.cancel}
        </button>
      )}
      <button type="submit" className="button primary small" disabled={!text.trim() || busy}>
        {label}
      </button>
    </form>
  );
}

interface CommentRowProps {
  comment: Comment;
  post: Post;
  onChange: (comment: Comment) => void;
  onDelete: () => void;
}

function CommentRow({ comment, post, onChange, onDelete }: CommentRowProps) {
  const t = useText();
  const me = useMe();
  const [editing, setEditing] = useState(false);
  const mine = me?.id === comment.author.id;
  const items: MenuItem[] = [];
  if (mine) items.push({ label: t.action.edit, icon: "edit", run: () => setEditing(true) });
  if (mine || me?.id === post.author.id) {
    items.push({
      label: t.action.remove,
      icon: "trash",
      danger: true,
      run: () =>
        show({
          kind: "confirm",
          title: t.comment.deleteTitle,
          text: t.comment.deleteText,
          action: t.action.remove,
          danger: true,
          run: async () => {
            await deleteComment(comment.id);
            onDelete();
          },
        }),
    });
  }
  if (me && !mine) {
    items.push({
      label: t.action.report,
      icon: "flag",
      danger: true,
      run: () =>
        show({
          kind: "report",
          target: { comment_id: comment.id },
          title: comment.text.slice(0, 80),
        }),
    });
  }
  return (
    <article
      className="comment"
      aria-label={`${shownName(comment.author)}: ${comment.text.slice(0, 60)}`}
    >
      <AvatarLink user={comment.author} size="small" />
      <div className="grow">
        <div className="comment-head">
          <Link to={paths.user(comment.author.handle)} className="name">
            {shownName(comment.author)}
          </Link>
          {comment.author.id === post.author.id && <Icon name="home" />}
          <span className="post-meta">
            <Time at={comment.created_at} />
            {comment.edited_at && <span>· {t.post.edited}</span>}
          </span>
        </div>
        {editing ? (
          <CommentForm
            initial={comment.text}
            label={t.action.save}
            onCancel={() => setEditing(false)}
            send={async (text) => {
              onChange(await editComment(comment.id, text));
              setEditing(false);
            }}
          />
        ) : (
          <p className="comment-text">
            <RichText text={comment.text} />
          </p>
        )}
      </div>
      {items.length > 0 && !editing && <Menu label={t.action.options} items={items} />}
    </article>
  );
}

const keyOf = (comment: Comment) => comment.id;

export function Comments({ post }: { post: Post }) {
  const t = useText();
  const me = useMe();
  const [state, list] = useList(`comments/${post.id}`, readComments(post.id), keyOf);
  const section = useRef<HTMLElement>(null);
  useEffect(() => {
    if (location.hash === "#comments" && placeKind() !== "back") section.current?.scrollIntoView();
  }, []);
  const shiftCount = (by: number) => {
    const now = posts.get(post.id);
    if (now) posts.change(post.id, { comment_count: Math.max(0, now.comment_count + by) });
  };
  const send = async (text: string, key: string) => {
    const comment = await createComment(post.id, text, key);
    list.update((items) => addComment(items, comment, Boolean(list.state.get().cursor)));
    shiftCount(1);
  };
  return (
    <section ref={section} className="comments" id="comments" aria-labelledby="comments-title">
      <h2 id="comments-title">{t.comment.title}</h2>
      {me ? (
        <CommentForm
          key={post.id}
          draftName={`comment.${post.id}`}
          label={t.comment.send}
          send={send}
        />
      ) : (
        <Link to={paths.signIn} className="button">
          {t.comment.signInFirst}
        </Link>
      )}
      <InfiniteList
        state={state}
        list={list}
        keyOf={keyOf}
        skeleton={<PersonSkeleton />}
        empty={<p className="quiet center-text">{t.comment.empty}</p>}
      >
        {(comment) => (
          <CommentRow
            comment={comment}
            post={post}
            onChange={(changed) =>
              list.update((items) => items.map((one) => (one.id === changed.id ? changed : one)))
            }
            onDelete={() => {
              list.update((items) => items.filter((one) => one.id !== comment.id));
              shiftCount(-1);
            }}
          />
        )}
      </InfiniteList>
    </section>
  );
}

// The list runs from old to new. While its end is not read yet, one's own new comment stands on
// top, where one sees it.
function addComment(items: Comment[], comment: Comment, moreBelow: boolean): Comment[] {
  const others = items.filter((one) => one.id !== comment.id);
  return moreBelow ? [comment, ...others] : [...others, comment];
}
