#include "base/shared_deadline.h"

#include <sys/mman.h>
#include <unistd.h>

#include <new>

namespace fairlead {

Result<SharedDeadline> SharedDeadline::create() {
  UniqueFd fd(::memfd_create("fairlead-deadline", MFD_CLOEXEC));
  if (!fd.valid()) return lastError("memfd_create");
  if (::ftruncate(fd.get(), kDeadlinePageBytes) != 0) return lastError("ftruncate");
  void* const page = ::mmap(nullptr, kDeadlinePageBytes, PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_POPULATE, fd.get(), 0);
  if (page == MAP_FAILED) return lastError("mmap");
  return SharedDeadline(std::move(fd), new (page) DeadlinePage{kNotArmed});
}

SharedDeadline::~SharedDeadline() {
  if (page_ != nullptr) ::munmap(page_, kDeadlinePageBytes);
}

}  // namespace fairlead
