// What nodes of a cluster say of their slots, well and badly formed.
#include "platform/redis/slot_map.hpp"

#include <gtest/gtest.h>

namespace madang::redis {

TEST(SlotMap, ReadsWhatNodesSay) {
  const Address asked{"10.0.0.1", 7000};
  const auto moved = read_redirect(Value::of_error("MOVED 3999 127.0.0.1:6381"), asked);
  ASSERT_TRUE(moved);
  EXPECT_EQ(moved->slot, 3999);
  EXPECT_EQ(moved->to, (Address{"127.0.0.1", 6381}));
  EXPECT_EQ(read_redirect(Value::of_error("ASK 1 :6381"), asked)->to.host, "10.0.0.1");
  EXPECT_EQ(read_redirect(Value::of_error("ASK 1 ::1:6381"), asked)->to.host, "::1");
  for (const char* bad : {"MOVED", "MOVED 1", "MOVED x 1.2.3.4:1", "MOVED 16384 1.2.3.4:1",
                          "MOVED 1 1.2.3.4", "MOVED 1 1.2.3.4:0", "MOVED 1 1.2.3.4:99999"}) {
    EXPECT_FALSE(read_redirect(Value::of_error(bad), asked)) << bad;
  }
  EXPECT_FALSE(read_cluster_slots(Value::of_text("x"), asked));
  Value range;
  range.type = Value::Type::array;
  range.items = {Value::of_integer(5), Value::of_integer(4), Value()};
  Value slots = range;
  slots.items = {range};
  EXPECT_FALSE(read_cluster_slots(slots, asked));
}

}  // namespace madang::redis
