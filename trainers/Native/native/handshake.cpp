// Whether this library fits the process that loaded it: one libtorch, of the version that it was compiled against.
// The C++ ABI needs no question: with another one the library's symbols do not resolve, and loading it fails.
#include "abi.h"

#include <ATen/Version.h>
#include <link.h>
#include <torch/csrc/api/include/torch/version.h>

#include <cstring>
#include <set>
#include <string>

namespace {
thread_local std::string last_error;
thread_local bool has_error = false;
std::string misfit;

int collect(dl_phdr_info* info, size_t, void* found) {
    const char* name = std::strrchr(info->dlpi_name, '/');
    name = name ? name + 1 : info->dlpi_name;
    if (std::strncmp(name, "libtorch_cpu.so", 15) == 0) static_cast<std::set<std::string>*>(found)->insert(info->dlpi_name);
    return 0;
}

// The version that the loaded libtorch says of itself.
std::string loaded_version() {
    const std::string config = at::show_config();
    const std::string mark = "TORCH_VERSION=";
    const auto at = config.find(mark);
    if (at == std::string::npos) return "";
    return config.substr(at + mark.size(), config.find_first_of(", \n", at) - at - mark.size());
}

void check() {
    std::set<std::string> loaded;
    dl_iterate_phdr(collect, &loaded);
    if (loaded.size() > 1) {
        misfit = "this process holds more than one libtorch:";
        for (const auto& path : loaded) misfit += " " + path;
        return;
    }
    const std::string compiled = std::to_string(TORCH_VERSION_MAJOR) + "." + std::to_string(TORCH_VERSION_MINOR) + ".";
    const std::string version = loaded_version();
    if (version.rfind(compiled, 0) != 0) misfit = "it was built for libtorch " + std::string(TORCH_VERSION) + ", and this process has " + (version.empty() ? "another one" : version);
}
}  // namespace

void gn::set_error(const char* what) noexcept {
    try {
        last_error = what;
    } catch (...) {
        last_error.clear();
    }
    has_error = true;
}

// The text stays valid until the next failure on this thread.
GN_EXPORT const char* gn_take_error() {
    if (!has_error) return nullptr;
    has_error = false;
    return last_error.c_str();
}

// Null where the library fits; else why not.
GN_EXPORT const char* gn_misfit() {
    GN_GUARD("the libtorch of this process cannot be asked for its version",
        if (misfit.empty()) check();
        return misfit.empty() ? nullptr : misfit.c_str();)
}
