#pragma once

#include "protocol/resp/call.h"

// The handlers of commands on keys of any type; their rows are in generic.cc.
namespace leat::resp {

// keys.cc
void del(Call& call);
void unlink_keys(Call& call);
void exists(Call& call);
void touch(Call& call);
void type(Call& call);
void keys(Call& call);
void scan(Call& call);
void randomkey(Call& call);
void wait(Call& call);
void waitaof(Call& call);

// copies.cc
void rename(Call& call);
void renamenx(Call& call);
void copy(Call& call);
void move(Call& call);

// expiries.cc
void expire(Call& call);
void pexpire(Call& call);
void expireat(Call& call);
void pexpireat(Call& call);
void ttl(Call& call);
void pttl(Call& call);
void expiretime(Call& call);
void pexpiretime(Call& call);
void persist(Call& call);

// object.cc
void object_encoding(Call& call);
void object_freq(Call& call);
void object_idletime(Call& call);
void object_refcount(Call& call);
void object_help(Call& call);

// migrate.cc
void migrate(Call& call);

// dumps.cc
void dump(Call& call);
void restore(Call& call);

// sort.cc
void sort(Call& call);
void sort_ro(Call& call);

}  // namespace leat::resp
