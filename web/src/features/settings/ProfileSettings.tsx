import { useRef, useState, type FormEvent } from "react";
import { changeMe } from "../../api/identity";
import { asApiError, type ApiError } from "../../api/problem";
import type { Account, ProfileChange } from "../../api/types";
import { isAbort } from "../../app/failures";
import { updateMe } from "../../app/session";
import { toast } from "../../app/toasts";
import { Avatar } from "../../components/Avatar";
import { AreaField, Field } from "../../components/Field";
import { errorText, fieldText, textNow, useText } from "../../i18n";
import { newUpload, uploadPicture } from "../composer/upload";

const longestBio = 300;

async function save(change: ProfileChange): Promise<void> {
  updateMe(await changeMe(change));
  toast(textNow().action.saved);
}

function AvatarSetting({ me }: { me: Account }) {
  const t = useText();
  const input = useRef<HTMLInputElement>(null);
  const [progress, setProgress] = useState<number>();
  const [error, setError] = useState<ApiError>();
  const run = async (work: () => Promise<void>) => {
    setError(undefined);
    setProgress(0);
    try {
      await work();
    } catch (caught) {
      if (!isAbort(caught)) setError(asApiError(caught));
    } finally {
      setProgress(undefined);
    }
  };
  const upload = (file: File) =>
    run(async () => {
      const media = await uploadPicture(file, "avatar", newUpload(), {
        onStep: () => {},
        onProgress: setProgress,
        signal: new AbortController().signal,
      });
      await save({ avatar: media.id });
    });
  const busy = progress !== undefined;
  return (
    <div className="avatar-setting">
      <Avatar user={me} size="huge" />
      <div>
        <input
          ref={input}
          type="file"
          name="avatar"
          accept="image/*"
          hidden
          onChange={(event) => {
            const file = event.target.files?.[0];
            event.target.value = "";
            if (file) void upload(file);
          }}
        />
        <div className="row">
          <button
            type="button"
            className="button"
            disabled={busy}
            onClick={() => input.current?.click()}
          >
            {t.settings.changeAvatar}
          </button>
          {me.avatar && (
            <button
              type="button"
              className="button ghost"
              disabled={busy}
              onClick={() => void run(() => save({ avatar: null }))}
            >
              {t.settings.removeAvatar}
            </button>
          )}
        </div>
        {busy && <progress value={progress} max={1} aria-label={t.settings.avatar} />}
        {error && (
          <p className="field-note error" role="alert">
            {errorText(t, error)}
          </p>
        )}
      </div>
    </div>
  );
}

export function ProfileSettings({ me }: { me: Account }) {
  const t = useText();
  const [handle, setHandle] = useState(me.handle);
  const [name, setName] = useState(me.name);
  const [bio, setBio] = useState(me.bio ?? "");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError>();
  const changed =
    handle.trim() !== me.handle || name.trim() !== me.name || bio.trim() !== (me.bio ?? "");
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    try {
      await save({
        ...(handle.trim() !== me.handle ? { handle: handle.trim() } : {}),
        name: name.trim(),
        bio: bio.trim(),
      });
    } catch (caught) {
      setError(asApiError(caught));
    } finally {
      setBusy(false);
    }
  };
  return (
    <section className="panel" aria-labelledby="profile-title">
      <h2 id="profile-title">{t.settings.profile}</h2>
      <AvatarSetting me={me} />
      <form className="form" onSubmit={(event) => void submit(event)}>
        <Field
          label={t.auth.handle}
          hint={t.auth.handleHint}
          name="handle"
          autoCapitalize="off"
          spellCheck={false}
          required
          minLength={2}
          maxLength={20}
          value={handle}
          error={fieldText(t, error, "handle")}
          onChange={(event) => setHandle(event.target.value)}
        />
        <Field
          label={t.settings.name}
          name="name"
          autoComplete="name"
          value={name}
          error={fieldText(t, error, "name")}
          onChange={(event) => setName(event.target.value)}
        />
        <AreaField
          label={t.settings.bio}
          hint={t.settings.bioHint}
          name="bio"
          rows={3}
          maxLength={longestBio}
          value={bio}
          error={fieldText(t, error, "bio")}
          onChange={(event) => setBio(event.target.value)}
        />
        {error && error.errors.length === 0 && !fieldText(t, error, "handle") && (
          <p className="form-error" role="alert">
            {errorText(t, error)}
          </p>
        )}
        <button type="submit" className="button primary" disabled={!changed || busy}>
          {t.action.save}
        </button>
      </form>
    </section>
  );
}
