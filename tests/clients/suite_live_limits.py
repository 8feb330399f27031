#!/usr/bin/python3
"""What docs/live.md says of silence, of messages that were lost, and of topics that are too much for an event stream:
suite_live_limits.py [ADDRESS], which is not used. The cases of silence wait for as long as it says, all at a time."""
import concurrent.futures
import json
import sys
import threading
import time

from harness import Cases, Server, equal, unique, wait_for
from live_support import PING, PONG, TEXT, Closed, Events, Live, WebSocket, new_topic, run_suite
from resp_support import connect

cases = Cases('live_limits')
PING_AFTER, END_AFTER, COMMENT_AFTER = 40, 80, 15
WATCHED = 110  # seconds: above when the last of the ends may come, which are looked for every 5 s
COMMENT = [':']


def frames_of(server, pongs, say=lambda socket: None, seconds=WATCHED, subscribe=None):
    """(seconds, opcode) of what comes to a WebSocket, None at the end of the connection; `say` is called every 5 s."""
    began, seen = time.monotonic(), []
    with WebSocket(server, pongs=False, seconds=1) as socket:
        if subscribe:
            socket.send_frame(TEXT, json.dumps({'op': 'subscribe', 'channel': subscribe}).encode())
        next_word = time.monotonic() + 5
        while (now := time.monotonic()) < began + seconds:
            if now > next_word:
                say(socket)
                next_word = now + 5
            try:
                frame = socket.frame()
            except TimeoutError:
                continue
            seen.append((time.monotonic() - began, frame and frame.opcode))
            if frame is None:
                break
            if frame.opcode == PING and pongs:
                socket.send_frame(PONG, frame.payload)
    return seen


def silent_socket(server):
    """It says nothing at all, whatever comes to it."""
    channel, over = unique('channel'), threading.Event()

    def talk():
        with connect(server.resp) as redis:
            while not over.wait(2):
                redis.publish(channel, 'x')
    talker = threading.Thread(target=talk, daemon=True)
    talker.start()
    try:
        seen = frames_of(server, pongs=False, subscribe=channel)
    finally:
        over.set()
        talker.join()
    equal(sum(opcode == TEXT for _, opcode in seen) >= 10, True, 'messages that came to it')
    *pings, (ended, last) = [(when, opcode) for when, opcode in seen if opcode != TEXT]
    equal((last, {opcode for _, opcode in pings}), (None, {PING}), str(seen[-3:]))
    asked = pings[0][0]
    equal((asked >= PING_AFTER, ended >= END_AFTER, ended < WATCHED), (True, True, True), '%.1f s, %.1f s' % (asked, ended))


def answering_socket(server):
    """It answers pings, and stays."""
    seen = frames_of(server, pongs=True)
    equal([opcode for _, opcode in seen], [PING, PING], 'of one that answers: %s' % seen)
    equal((seen[0][0] >= PING_AFTER, seen[1][0] - seen[0][0] >= PING_AFTER - 1), (True, True), str(seen))


def talking_socket(server):
    """It says something now and then, and is not asked."""
    seen = frames_of(server, pongs=False, say=lambda socket: socket.send_frame(TEXT, b'{"op":"ping","id":1}'))
    equal({opcode for _, opcode in seen}, {TEXT}, 'of one that talks')


def silent_stream(server):
    """Nothing happens on its channel."""
    began, comments = time.monotonic(), []
    with Events(server, channels=[unique('channel')], seconds=WATCHED) as events:
        while len(comments) < 3:
            lines = events.block()
            if lines == COMMENT:
                comments.append(time.monotonic() - began)
            else:
                equal(lines, [': leat'], 'an event where nothing happens')
    equal([when >= number * COMMENT_AFTER for number, when in enumerate(comments, 1)], [True] * 3, str(comments))
    equal(comments[-1] < WATCHED, True, str(comments))


def busy_stream(server):
    """A message comes every two seconds: there is no need to say anything else."""
    channel = unique('channel')
    with Events(server, channels=[channel], seconds=WATCHED) as events, connect(server.resp) as redis:
        wait_for('the listener', lambda: redis.publish(channel, 'first') > 0)
        blocks, began = [], time.monotonic()
        while time.monotonic() < began + 50:
            redis.publish(channel, 'x')
            blocks.append(events.block())
            time.sleep(2)
    equal(COMMENT in blocks, False, 'comments on a stream with messages')
    equal(len(blocks) >= 10, True)


@cases('who is silent for 40 s is asked, and ended after 80 s if it stays so; event streams get a comment every 15 s')
def silence(server):
    connections = (silent_socket, answering_socket, talking_socket, silent_stream, busy_stream)
    with concurrent.futures.ThreadPoolExecutor(len(connections)) as pool:
        list(pool.map(lambda connection: connection(server), connections))


PUBLISH_MUCH = "local v = string.rep('x', 1024 * 1024) for i = 1, ARGV[2] do redis.call('PUBLISH', ARGV[1], v) end return 'done'"


@cases('more messages at once than there is room for: who listens is told how many were lost, on sockets and streams')
def lost(_):
    with Server('--shards=1', resp=True) as server:
        server.start()
        quiet, busy = unique('quiet'), unique('busy')
        live, events = Live(server, seconds=60), Events(server, channels=[quiet], seconds=60)
        live.ask('subscribe', channel=quiet)
        wait_for('both', lambda: live.ask('publish', channel=quiet, data='begin')['receivers'] > 0 and events.event('message'))
        slow = WebSocket(server, seconds=60)
        slow.send_frame(TEXT, json.dumps({'op': 'subscribe', 'id': 1, 'channel': busy}).encode())
        equal(json.loads(slow.text())['type'], 'subscribed')
        with connect(server.resp) as redis:
            equal(redis.eval(PUBLISH_MUCH, 0, busy, 200) in ('done', b'done'), True)
        told, streamed = live.event(), events.event()
        while told['type'] == 'message':
            told = live.event()
        while streamed.type == 'message':
            streamed = events.event()
        equal((told['type'], 0 < told['messages'] < 200, streamed.type, streamed.data), ('lost', True, 'lost', told), str(told))
        live.ask('publish', channel=quiet, data='after')
        equal((live.event('message')['data'], events.event('message').data['data']), ('after', 'after'), 'it goes on')
        try:
            while True:
                slow.text()
        except Closed:
            pass
        for each in (live, events, slow):
            each.close()


@cases('topics of more than 400 partitions together are for WebSockets, not for an event stream')
def partitions(server):
    some, rest, one = new_topic(server, partitions=250), new_topic(server, partitions=150), new_topic(server)
    with Events(server, [some, rest]).opened() as events:
        equal(events.status, 200, '400 of them')
        equal(events.last_id.count(':'), 400, 'places in its id')
    refused = Events(server, [some, rest, one])
    equal((refused.status, refused.problem['type'], '401' in refused.problem['detail']),
          (400, 'urn:leat:problem:too-many-partitions', True), str(refused.problem))
    live = Live(server)
    equal([len(live.ask('subscribe', topic=topic)['offsets']) for topic in (some, rest, one)], [250, 150, 1])
    live.leave()


if __name__ == '__main__':
    sys.exit(run_suite(cases))
