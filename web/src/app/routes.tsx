import {
  lazy,
  Suspense,
  type ComponentType,
  type LazyExoticComponent,
  type ReactNode,
} from "react";
import { Empty, Loading, PostSkeleton } from "../components/states";
import { SignInPage, SignUpPage } from "../features/auth/AuthPages";
import { WelcomePage } from "../features/auth/WelcomePage";
import { FeedPage } from "../features/feed/FeedPage";
import { RankingPage } from "../features/feed/RankingPage";
import { NotificationsPage } from "../features/notifications/NotificationsPage";
import { SearchPage } from "../features/people/SearchPage";
import { PostPage } from "../features/post/PostPage";
import { ProfilePage, type ProfileTab } from "../features/profile/ProfilePage";
import { useText } from "../i18n";
import { PageHead } from "./PageHead";
import { Link, navigate, paths, usePlace, useTitle } from "./router";
import { useSession } from "./session";
import { useEffect } from "react";

const reloadMark = "madang.reloaded";

// After a deployment an open page may ask for a file that is no more: one reload gets the new page.
function lazyPage<P>(
  load: () => Promise<{ default: ComponentType<P> }>,
): LazyExoticComponent<ComponentType<P>> {
  return lazy(async () => {
    try {
      const page = await load();
      sessionStorage.removeItem(reloadMark);
      return page;
    } catch (error) {
      if (navigator.onLine && !sessionStorage.getItem(reloadMark)) {
        sessionStorage.setItem(reloadMark, "1");
        location.reload();
      }
      throw error;
    }
  });
}

const SettingsPage = lazyPage(() => import("../features/settings/SettingsPage"));
const AdminPage = lazyPage(() => import("../features/admin/AdminPage"));

const waiting = (
  <Loading>
    <PostSkeleton />
  </Loading>
);

function NotFound() {
  const t = useText();
  useTitle(t.state.notFoundTitle);
  return (
    <>
      <PageHead title={t.state.notFoundTitle} back />
      <Empty icon="home" title={t.state.notFoundTitle} text={t.state.notFoundText}>
        <Link to={paths.home} className="button primary">
          {t.state.goHome}
        </Link>
      </Empty>
    </>
  );
}

function Redirect({ to }: { to: string }) {
  useEffect(() => navigate(to, { replace: true }), [to]);
  return null;
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

const profileTabs: readonly string[] = ["likes", "followers", "following"];

function personRoute(path: string): ReactNode {
  const [, name = "", tab = "", rest] = path.split("/");
  const handle = decoded(name)?.replace(/^@/, "");
  if (!handle || rest !== undefined || (tab !== "" && !profileTabs.includes(tab)))
    return <NotFound />;
  return <ProfilePage key={handle} handle={handle.normalize("NFC")} tab={tab as ProfileTab} />;
}

const adminSections = ["reports", "suspensions", "events", "audit"] as const;

// Pages that anybody may see.
function openRoute(path: string): ReactNode | undefined {
  if (path === paths.ranking) return <RankingPage />;
  const post = /^\/posts\/(\d{1,16})$/.exec(path);
  if (post) return <PostPage key={post[1]} id={Number(post[1])} />;
  if (path.startsWith("/@") || path.startsWith("/%40")) return personRoute(path);
  return undefined;
}

function memberRoute(path: string): ReactNode | undefined {
  if (path === paths.search()) return <SearchPage />;
  if (path === paths.notifications) return <NotificationsPage />;
  const settings = /^\/settings(?:\/([a-z]+))?$/.exec(path);
  if (settings) return <SettingsPage section={settings[1] ?? ""} />;
  const admin = /^\/admin\/([a-z]+)$/.exec(path)?.[1];
  if (admin && adminSections.some((one) => one === admin)) return <AdminPage section={admin} />;
  return undefined;
}

export function CurrentPage() {
  const { path } = usePlace();
  const { state } = useSession();
  const open = openRoute(path);
  if (open) return open;
  const signedIn = state === "in";
  if (path === paths.home) return signedIn ? <FeedPage /> : <WelcomePage />;
  if (path === paths.signIn) return signedIn ? <Redirect to={paths.home} /> : <SignInPage />;
  if (path === paths.signUp) return signedIn ? <Redirect to={paths.home} /> : <SignUpPage />;
  const member = memberRoute(path);
  if (member === undefined) return <NotFound />;
  return signedIn ? (
    <Suspense fallback={waiting}>{member}</Suspense>
  ) : (
    <Redirect to={paths.signIn} />
  );
}

// Where the page stands alone, without the columns.
export function isBarePath(path: string, signedIn: boolean): boolean {
  return path === paths.signIn || path === paths.signUp || (path === paths.home && !signedIn);
}
