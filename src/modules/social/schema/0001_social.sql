create table social_profiles (
  account_id bigint not null primary key,
  visible integer not null,
  post_count bigint not null,
  follower_count bigint not null,
  following_count bigint not null
);
create table posts (
  id bigint not null primary key,
  author_id bigint not null,
  body text not null,
  state integer not null,
  like_count bigint not null,
  comment_count bigint not null,
  created_at bigint not null,
  edited_at bigint
);
create index posts_by_author on posts (author_id, state, id, created_at);
create index posts_by_state on posts (state, id);
create table post_media (
  post_id bigint not null,
  position integer not null,
  media_id bigint not null,
  primary key (post_id, position)
);
create table post_likes (
  post_id bigint not null,
  account_id bigint not null,
  created_at bigint not null,
  primary key (post_id, account_id)
);
create index post_likes_by_account on post_likes (account_id, created_at, post_id);
create index post_likes_by_time on post_likes (created_at, post_id);
create table comments (
  id bigint not null primary key,
  post_id bigint not null,
  author_id bigint not null,
  body text not null,
  state integer not null,
  created_at bigint not null,
  edited_at bigint
);
create index comments_by_post on comments (post_id, state, id);
create index comments_by_state on comments (state, id);
create index comments_by_author on comments (author_id, id);
create table follows (
  follower_id bigint not null,
  followee_id bigint not null,
  created_at bigint not null,
  primary key (follower_id, followee_id)
);
create index follows_by_followee on follows (followee_id, created_at, follower_id);
create index follows_by_follower on follows (follower_id, created_at, followee_id);
create table blocks (
  blocker_id bigint not null,
  blocked_id bigint not null,
  created_at bigint not null,
  primary key (blocker_id, blocked_id)
);
create index blocks_by_blocked on blocks (blocked_id, blocker_id);
create table mutes (
  muter_id bigint not null,
  muted_id bigint not null,
  created_at bigint not null,
  primary key (muter_id, muted_id)
);
create index mutes_by_muted on mutes (muted_id, muter_id);
create table reports (
  id bigint not null primary key,
  reporter_id bigint not null,
  post_id bigint,
  comment_id bigint,
  user_id bigint,
  reason text not null,
  state integer not null,
  created_at bigint not null,
  resolved_by bigint,
  resolved_at bigint,
  open_key varchar(64) unique
);
create index reports_by_state on reports (state, id);
create index reports_by_post on reports (post_id);
create index reports_by_comment on reports (comment_id);
create index reports_by_user on reports (user_id);
create index reports_by_reporter on reports (reporter_id);
create table feed_marks (
  account_id bigint not null primary key,
  marks blob not null,
  updated_at bigint not null
);
