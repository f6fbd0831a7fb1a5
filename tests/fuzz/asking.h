// One call, from the request to the answer.
#ifndef BATON_TESTS_FUZZ_ASKING_H_
#define BATON_TESTS_FUZZ_ASKING_H_

#include <memory>
#include <string>
#include <utility>

#include "tests/fuzz/messages.h"
#include "tests/fuzz/world.h"

namespace baton::fuzz {

template <typename Request>
Request TakeRequest(Input& input, const World& world) {
  Request request;
  Fill(input, world, &request);
  CheckTravels(request);
  return request;
}

// Sends a command, unless its decoder has refused it, and checks that it is answered with something that can be sent.
template <typename Response, typename Command, typename Encode>
void Ask(World* world, const Error& refused, std::unique_ptr<Asking<Command>> command, Encode encode) {
  if (!refused.ok()) return CheckRefusal(refused);
  bool answered = false;
  command->actor = "local";
  command->on_answer = [&](Command& told) {
    answered = true;
    if (!told.error.ok()) return CheckRefusal(told.error);
    Response response;
    encode(told, &response);
    CheckTravels(response);
  };
  world->broker->Queue(std::move(command));
  world->broker->Settle();
  BATON_CHECK(answered, Response::descriptor()->full_name() + " was never sent");
}

// A call that the ReadService answers, at once here.
template <typename Request, typename Response>
void Read(Input& input, World* world,
          void (service::ReadService::*read)(const Request&, std::function<void(Error, Response)>)) {
  bool answered = false;
  (world->reads->*read)(TakeRequest<Request>(input, *world), [&](const Error& error, const Response& response) {
    answered = true;
    if (!error.ok()) return CheckRefusal(error);
    CheckTravels(response);
    if constexpr (requires { response.next_page_token(); }) world->page_token = response.next_page_token();
  });
  BATON_CHECK(answered, Response::descriptor()->full_name() + " was never sent");
}

}  // namespace baton::fuzz

#endif  // BATON_TESTS_FUZZ_ASKING_H_
