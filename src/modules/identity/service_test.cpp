// The rules of accounts, with every clock in the test's hand.
#include "modules/identity/service.hpp"

#include "base/encoding.hpp"
#include "modules/identity/identity_fixture.hpp"

namespace madang::identity {
namespace {

using namespace std::chrono_literals;
using std::chrono::days;
using testing::ElementsAre;
using testing::IsEmpty;

class IdentityServiceTest : public test::IdentityTest {
 protected:
  Me me(Id account) { return run(service_.me(Deadline::never(), account)).value(); }
  Result<Me> rename(Id account, const std::string& handle) {
    return edit(account, [&](EditMe& in) { in.handle = json::Handle{handle}; });
  }
  Result<Me> edit(Id account, const std::function<void(EditMe&)>& fill) {
    EditMe in;
    fill(in);
    return run(service_.edit(Deadline::never(), account, std::move(in)));
  }
  std::vector<std::string> events() {
    events::wait_until_numbered(*db_);
    std::vector<std::string> types;
    for (const auto& event :
         *db_->read_blocking([](db::Transaction& tx) -> Result<std::vector<events::Event>> {
           return events::read_after(tx, 0, 100);
         }))
      types.push_back(event.type);
    return types;
  }
};

// ---- sign-up

TEST_F(IdentityServiceTest, SigningUpMakesAnAccountASessionAndAnEventTogether) {
  const auto in = sign_up("ann").value();
  EXPECT_EQ(in.account.handle, "ann");
  EXPECT_EQ(in.account.name, "ann");  // nobody gave one
  EXPECT_EQ(in.account.email, "ann@yard.example");
  EXPECT_THAT(in.account.roles, ElementsAre(Role::user));
  EXPECT_EQ(in.expires_at, clock_.now() + days(30));
  EXPECT_EQ(who(*in.token)->account, in.account.id);
  EXPECT_THAT(hooks_.made, ElementsAre(in.account.id));
  EXPECT_THAT(events(), ElementsAre("account.created"));
  EXPECT_TRUE(query<std::string>("select password_hash from accounts").starts_with("$argon2id$"));
}

TEST_F(IdentityServiceTest, ARefusedSignUpLeavesNothing) {
  ASSERT_TRUE(sign_up("ann"));
  SignUp other = person("ben");
  other.email.value = "ANN@Yard.Example";
  EXPECT_EQ(run(service_.sign_up(Deadline::never(), other, {})).error().code, "email_taken");
  other = person("Ann");
  other.email.value = "else@yard.example";
  EXPECT_EQ(run(service_.sign_up(Deadline::never(), other, {})).error().code, "handle_taken");
  EXPECT_EQ(query<int>("select count(*) from accounts"), 1);
  EXPECT_EQ(query<int>("select count(*) from sessions"), 1);
  EXPECT_THAT(events(), ElementsAre("account.created"));
}

TEST_F(IdentityServiceTest, CommonPasswordsAreRefusedBeforeAnyHashing) {
  SignUp in = person("ann");
  in.password.value = "Password1";
  const auto refused = run(service_.sign_up(Deadline::never(), in, {}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "validation_failed");
  EXPECT_EQ(refused.error().errors.at(0).code, "too_common");
  EXPECT_EQ(hashes(), 0u);
}

// ---- handles

TEST_F(IdentityServiceTest, HandlesAreUniqueWithoutRegardToCaseOrWidth) {
  const Id ann = sign_up("ann").value().account.id;
  const Id ben = sign_up("Élodie").value().account.id;
  for (const char* same : {"ANN", "Ann", "ａｎｎ"})
    EXPECT_EQ(rename(ben, same).error().code, "handle_taken") << same;
  EXPECT_EQ(rename(ann, "éLODIE").error().code, "handle_taken");
  EXPECT_EQ(me(ben).handle, "Élodie");
}

TEST_F(IdentityServiceTest, AHandleMayChangeItsOwnCaseAndIsFreeOnceItIsGivenUp) {
  const Id ann = sign_up("ann").value().account.id;
  EXPECT_EQ(rename(ann, "ANN").value().handle, "ANN");
  ASSERT_TRUE(rename(ann, "anna"));
  SignUp other = person("ann");
  other.email.value = "else@yard.example";
  EXPECT_TRUE(run(service_.sign_up(Deadline::never(), other, {})));
}

TEST_F(IdentityServiceTest, EditingTellsTheCachesOnlyWhatOthersSee) {
  const Id ann = sign_up("ann").value().account.id;
  ASSERT_TRUE(edit(ann, [](EditMe& in) { in.bio.emplace("hello"); }));
  EXPECT_THAT(hooks_.told, IsEmpty());
  const auto named = edit(ann, [](EditMe& in) { in.name.emplace(""); });
  EXPECT_EQ(named->name, "ann");  // empty: the handle
  EXPECT_THAT(hooks_.told, ElementsAre(ann));
  EXPECT_EQ(me(ann).bio, "hello");
}

TEST_F(IdentityServiceTest, ARefusedAvatarChangesNothingElseEither) {
  const Id ann = sign_up("ann").value().account.id;
  const auto refused = edit(ann, [](EditMe& in) {
    in.handle = json::Handle{"anna"};
    in.avatar = {true, 404};
  });
  EXPECT_EQ(refused.error().code, "media_not_yours");
  EXPECT_EQ(me(ann).handle, "ann");
  EXPECT_EQ(edit(ann, [](EditMe& in) { in.avatar = {true, 7}; })->avatar, "/media/7");
  EXPECT_EQ(me(ann).avatar, "/media/7");
}

// ---- sign-in

TEST_F(IdentityServiceTest, SigningInTakesTheSameWorkForNobodyAsForSomebody) {
  ASSERT_TRUE(sign_up("ann"));
  const auto work = [&](const std::string& handle, const std::string& with) {
    const auto before = hashes();
    const auto in = sign_in(handle, with);
    EXPECT_TRUE(in || in.error().code == "bad_credentials");
    return hashes() - before;
  };
  EXPECT_EQ(work("ann", password), 1u);
  EXPECT_EQ(work("ann", "something wrong"), 1u);
  EXPECT_EQ(work("nobody", "something wrong"), 1u);
  const auto nobody = sign_in("nobody", password).error();
  const auto wrong = sign_in("ann", "something wrong").error();
  EXPECT_EQ(nobody.code, wrong.code);
  EXPECT_EQ(nobody.detail, wrong.detail);
}

TEST_F(IdentityServiceTest, TriesForAnAccountAreLimitedFromOneAddress) {
  ASSERT_TRUE(sign_up("ann"));
  ASSERT_TRUE(sign_up("ben"));
  for (int i = 0; i < 10; ++i)
    ASSERT_EQ(sign_in("ann", "something wrong").error().code, "bad_credentials") << i;
  const auto hashed = hashes();
  const auto refused = sign_in("ann");  // also the right one: nobody may find out by trying on
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, "rate_limited");
  EXPECT_EQ(refused.error().retry_after, 60s);
  EXPECT_EQ(hashes(), hashed);
  EXPECT_EQ(sign_in("ANN").error().code, "rate_limited");  // the same account
  EXPECT_TRUE(sign_in("ann", password, "10.0.0.2"));       // the owner is elsewhere
  EXPECT_TRUE(sign_in("ben"));                             // and so is everybody else's budget
}

TEST_F(IdentityServiceTest, TriesComeBackOneAMinute) {
  ASSERT_TRUE(sign_up("ann"));
  for (int i = 0; i < 10; ++i) (void)sign_in("ann", "something wrong");
  pass(59s);
  EXPECT_EQ(sign_in("ann").error().code, "rate_limited");
  pass(1s);
  EXPECT_TRUE(sign_in("ann"));
  EXPECT_EQ(sign_in("ann").error().code, "rate_limited");
  pass(600s);
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(sign_in("ann")) << i;
  EXPECT_EQ(sign_in("ann").error().code, "rate_limited");
}

TEST_F(IdentityServiceTest, TriesForNobodyAreLimitedJustTheSame) {
  for (int i = 0; i < 10; ++i)
    ASSERT_EQ(sign_in("nobody", "something wrong").error().code, "bad_credentials");
  EXPECT_EQ(sign_in("nobody", "something wrong").error().code, "rate_limited");
}

TEST_F(IdentityServiceTest, AWallClockThatIsSetForwardGivesNoTriesBack) {
  ASSERT_TRUE(sign_up("ann"));
  for (int i = 0; i < 10; ++i) (void)sign_in("ann", "something wrong");
  clock_.advance(1h);
  EXPECT_EQ(sign_in("ann").error().code, "rate_limited");
}

// ---- passwords

TEST_F(IdentityServiceTest, ANewPasswordEndsTheOtherSessionsAndTheOldPassword) {
  const auto here = sign_up("ann").value();
  const auto there = sign_in("ann").value();
  ASSERT_TRUE(who(*there.token));
  ASSERT_TRUE(run(service_.change_password(Deadline::never(), *who(*here.token),
                                           {{password}, {"another long secret"}})));
  EXPECT_TRUE(who(*here.token));
  EXPECT_FALSE(who(*there.token));
  EXPECT_EQ(sign_in("ann").error().code, "bad_credentials");
  EXPECT_TRUE(sign_in("ann", "another long secret"));
}

TEST_F(IdentityServiceTest, ChangingThePasswordNeedsTheOldOneAndIsLimited) {
  const auto in = sign_up("ann").value();
  const auto change = [&](const std::string& old) {
    return run(service_.change_password(Deadline::never(), *who(*in.token),
                                        {{old}, {"another long secret"}}));
  };
  for (int i = 0; i < 10; ++i) EXPECT_EQ(change("something wrong").error().code, "bad_credentials");
  EXPECT_EQ(change(password).error().code, "rate_limited");
  EXPECT_EQ(withdraw(in.account.id).error().code, "rate_limited");  // one budget for both
  pass(60s);
  EXPECT_TRUE(change(password));
}

// ---- withdrawal and erasure

TEST_F(IdentityServiceTest, WithdrawalEndsEverythingAtOnce) {
  const auto in = sign_up("ann").value();
  const Id ann = in.account.id;
  ASSERT_TRUE(who(*in.token));
  EXPECT_EQ(withdraw(ann, "something wrong").error().code, "bad_credentials");
  EXPECT_TRUE(who(*in.token));
  ASSERT_TRUE(withdraw(ann));
  EXPECT_FALSE(who(*in.token));
  EXPECT_EQ(sign_in("ann").error().code, "bad_credentials");
  EXPECT_EQ(run(service_.me(Deadline::never(), ann)).error().code, "unauthenticated");
  EXPECT_THAT(hooks_.gone, ElementsAre(ann));
  EXPECT_THAT(hooks_.told, ElementsAre(ann));
  EXPECT_THAT(events(), ElementsAre("account.created", "account.withdrawn"));
  const int kept =
      query<int>("select count(*) from accounts where email is not null or password_hash <> ''");
  EXPECT_EQ(kept, 0);
}

TEST_F(IdentityServiceTest, AWithdrawnAddressIsNeverUsedAgainAndIsKeptAsAKeyedHashOnly) {
  const Id ann = sign_up("ann").value().account.id;
  ASSERT_TRUE(withdraw(ann));
  SignUp again = person("other");
  for (const char* same : {"ann@yard.example", "Ann@YARD.example"}) {
    again.email.value = same;
    EXPECT_EQ(run(service_.sign_up(Deadline::never(), again, {})).error().code, "email_taken");
  }
  pass(days(400));
  service_.sweep();
  EXPECT_EQ(run(service_.sign_up(Deadline::never(), again, {})).error().code, "email_taken");
  EXPECT_EQ(query<int>("select length(email_hash) from withdrawn_emails"), 32);
  const auto plain = sha256(email_key("ann@yard.example"));
  EXPECT_EQ(query<int>("select count(*) from withdrawn_emails where email_hash = ?",
                       db::BytesView(plain)),
            0);
}

TEST_F(IdentityServiceTest, ErasureWaitsAMinuteAndFreesTheHandle) {
  const Id ann = sign_up("ann").value().account.id;
  ASSERT_TRUE(withdraw(ann));
  SignUp other = person("ann");
  other.email.value = "else@yard.example";
  EXPECT_EQ(run(service_.sign_up(Deadline::never(), other, {})).error().code, "handle_taken");
  pass(60s);
  service_.sweep();  // requests let in just before the withdrawal may still be at work
  EXPECT_EQ(hooks_.erasures, 0);
  pass(1s);
  service_.sweep();
  EXPECT_EQ(hooks_.erasures, 1);
  EXPECT_EQ(query<std::string>("select name || bio from accounts"), "");
  EXPECT_TRUE(run(service_.sign_up(Deadline::never(), other, {})));
  service_.sweep();
  EXPECT_EQ(hooks_.erasures, 1);  // done is done
}

TEST_F(IdentityServiceTest, ErasureGoesOnUntilNothingIsLeft) {
  const Id ann = sign_up("ann").value().account.id;
  ASSERT_TRUE(withdraw(ann));
  hooks_.chunks = 3;
  pass(61s);
  for (int i = 0; i < 2; ++i) {
    service_.sweep();
    EXPECT_EQ(query<std::string>("select handle from accounts"), "ann") << i;
  }
  service_.sweep();
  EXPECT_NE(query<std::string>("select handle from accounts"), "ann");
  EXPECT_EQ(hooks_.erasures, 3);
}

TEST_F(IdentityServiceTest, ErasureForgetsStoredAnswers) {
  const Id ann = sign_up("ann").value().account.id;
  ASSERT_TRUE(withdraw(ann));
  sql("insert into idempotency_keys (account_id, route, idem_key, body_hash, status, answer, "
      "created_at) values (?, 'r', 'k', x'00', 201, 'private', 0)",
      ann);
  pass(61s);
  service_.sweep();
  EXPECT_EQ(query<int>("select count(*) from idempotency_keys"), 0);
}

// ---- admins

TEST_F(IdentityServiceTest, AdminsAreMadeByTheCommandLineAlone) {
  const auto admin = service_.create_admin(person("root"));
  ASSERT_TRUE(admin);
  EXPECT_THAT(admin->roles, ElementsAre(Role::user, Role::admin));
  EXPECT_TRUE(who(*sign_in("root").value().token)->admin);
  EXPECT_FALSE(who(*sign_up("ann").value().token)->admin);
  SignUp weak = person("weak");
  weak.password.value = "12345678";
  EXPECT_EQ(service_.create_admin(weak).error().code, "validation_failed");
}

}  // namespace
}  // namespace madang::identity
