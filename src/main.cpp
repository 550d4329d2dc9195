#include "app/commands.hpp"

int main(int argc, char** argv) {
  return madang::app::run_command({argv + 1, argv + argc});
}
