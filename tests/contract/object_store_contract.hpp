// What every object store must do; each adapter instantiates it with a way to make one.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>

#include "base/clock.hpp"
#include "platform/objects/object_store.hpp"

namespace madang::objects::contract {

/// A store and what it stands on, thrown away together.
struct Fixture {
  virtual ~Fixture() = default;
  virtual ObjectStore& store() = 0;
  virtual ManualClock& clock() = 0;
};

struct Adapter {
  std::string name;
  std::function<std::unique_ptr<Fixture>()> make;
};

class ObjectStoreContract : public testing::TestWithParam<Adapter> {
 protected:
  void SetUp() override { fixture_ = GetParam().make(); }
  ObjectStore& store() { return fixture_->store(); }
  ManualClock& clock() { return fixture_->clock(); }

 private:
  std::unique_ptr<Fixture> fixture_;
};

}  // namespace madang::objects::contract
