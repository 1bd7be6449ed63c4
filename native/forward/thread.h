#pragma once

#include <pthread.h>

#include <functional>
#include <memory>
#include <string>

#include "base/result.h"

namespace fairlead {

// A named thread that takes no signals, joined by its destructor. Unlike std::thread, it reports
// that none can be had (std::thread throws, which without exceptions ends the process).
class Thread {
 public:
  // `name` has at most 15 characters (pthread_setname_np(3)).
  [[nodiscard]] static Result<std::unique_ptr<Thread>> start(std::string name,
                                                             std::function<void()> body);

  Thread(const Thread&) = delete;
  Thread& operator=(const Thread&) = delete;
  ~Thread();

 private:
  Thread(std::string name, std::function<void()> body)
      : name_(std::move(name)), body_(std::move(body)) {}

  static void* run(void* thread);

  const std::string name_;
  const std::function<void()> body_;
  pthread_t handle_{};
  bool started_ = false;
};

}  // namespace fairlead
