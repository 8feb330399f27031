#include <span>
#include <string>
#include <vector>

#include "cli/commands.h"

int main(int argc, char** argv) { return leat::cli::run({argv, argv + argc}); }
