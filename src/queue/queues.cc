#include "queue/queues.h"

namespace leat::queue {

QueueChange change_between(const Queue& before, const Queue& after) {
  return {patch_between(to_map(before.settings), to_map(after.settings)),
          patch_between(before.attributes, after.attributes), patch_between(before.tags, after.tags), false};
}

Status apply_change(const QueueChange& change, Queue& queue) {
  SettingsMap settings = to_map(queue.settings);
  apply_patch(change.settings, settings);
  LEAT_TRY(queue.settings, settings_from(settings));
  apply_patch(change.attributes, queue.attributes);
  apply_patch(change.tags, queue.tags);
  return {};
}

}  // namespace leat::queue
