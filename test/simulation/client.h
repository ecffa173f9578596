// A program that uses one object of the addon, and knows what may come of each of its calls.
#pragma once

#include "messages.h"
#include "wire/filter_record.h"
#include "wire/slab.h"
#include "world.h"

namespace conntrack::test {

class Client {
 public:
  Client();
  virtual ~Client() = default;
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // A step at any time.
  virtual void act() = 0;
  // Its last step; may be called repeatedly.
  virtual void close() = 0;
  // When each of its calls has settled, or the environment has ended.
  virtual void check_end() {}
  // Bytes of the product's memory that it may take.
  virtual size_t memory_limit() const = 0;

  bool is_open() const { return object_ != nullptr && !closing_; }
  bool is_settled() const { return pending_ == 0; }
  // Nothing refers to the object any more.
  virtual bool abandon();

 protected:
  World& world() const { return *World::current(); }
  Random& random() const { return world().random; }
  Node& node() const { return world().node; }
  int64_t now() const { return world().threads.now(); }
  Table& table() const { return world().kernel.table(table_); }

  // Makes the object, in the namespace of the client. False when it could not be opened.
  bool open(napi_value of_class, std::initializer_list<std::pair<const char*, JsValue*>> options);
  // Calls a method whose promise must settle once, unless the environment ends.
  void call(const char* method, std::initializer_list<JsValue*> arguments,
            std::function<void(JsValue&)> then);
  // Whether a call may fail for another reason than the state of the table.
  bool is_excused() const;

  JsValue* object_ = nullptr;
  bool closing_ = false;
  bool closed_ = false;
  int table_ = 0;
  std::vector<std::shared_ptr<Socket>> sockets_;  // those of the object
  size_t pending_ = 0;
};

struct Failed {
  explicit Failed(const JsValue* failure);
  bool is = false;
  int error = 0;
  bool by_kernel = false;  // it has answered so
  bool unanswered = false;
};

// A buffer with a record.
template <typename Record>
JsValue* buffer_of(Node& node, const Record& record) {
  JsValue* buffer = node.make_buffer(sizeof record);
  memcpy(buffer->memory.get(), &record, sizeof record);
  return buffer;
}

// All entries, or those whose mark has this as its last bit.
struct MarkFilter {
  explicit MarkFilter(Random& random);
  bool is_any;
  uint32_t bit;
  bool names_tuple;  // a condition that every entry meets, and some kernels refuse
  bool matches(uint32_t mark) const { return is_any || (mark & 1) == bit; }
  JsValue* ask(Node& node) const;
  JsValue* filter(Node& node) const;
};

// Calls `visit` for each entry of a slab.
template <typename Visit>
void each_entry(const uint8_t* slab, Visit visit) {
  const auto* header = reinterpret_cast<const SlabHeader*>(slab);
  const auto* records = reinterpret_cast<const EntryRecord*>(slab + sizeof *header);
  for (size_t i = 0; i < header->count; i++) visit(records[i]);
}

std::unique_ptr<Client> new_requester();
std::unique_ptr<Client> new_dumper();
std::unique_ptr<Client> new_walker();
std::unique_ptr<Client> new_subscriber();

}  // namespace conntrack::test
