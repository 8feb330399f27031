"""Many idle WebSockets: what they cost, and that a message reaches every one of them.

20,000 of them, or as many as the server may have open files for where that is fewer (`ulimit -Hn`): it prints how many they were.
LIVE_IDLE sets their number. Fewer than 15,000 prove little: that fails where so many files may be open."""
import multiprocessing
import os
import resource
import select
import socket
import time

from harness import Cases, Server, Skip, equal, wait_for
from live_support import TEXT, Live, handshake_lines, make_frame

cases = Cases('live_idle')
SPARE = 300  # files that the server has open besides
FILES = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
COUNT = int(os.environ.get('LIVE_IDLE', min(20_000, FILES - SPARE)))
OF_A_PROCESS = 5000
ENOUGH = 15_000
BYTES_MAX = 20_972  # that the server may grow by for each
CHANNEL = 'idle'
KEY = 'AAAAAAAAAAAAAAAAAAAAAA=='
SUBSCRIBE = make_frame(TEXT, b'{"op":"subscribe","id":1,"channel":"%s"}' % CHANNEL.encode())
SUBSCRIBED = b'{"type":"subscribed","id":1,"channel":"%s"}' % CHANNEL.encode()


def read_until(sockets, mark, seconds=120):
    """Returns when every one of them has read something that ends with `mark`; the number that did not in time."""
    poll = select.epoll()
    waiting = {}
    for each in sockets:
        waiting[each.fileno()] = [each, b'']
        poll.register(each, select.EPOLLIN)
    deadline = time.monotonic() + seconds
    while waiting and time.monotonic() < deadline:
        for number, _ in poll.poll(1):
            entry = waiting[number]
            data = entry[0].recv(4096)
            entry[1] += data
            if not data or entry[1].endswith(mark):
                poll.unregister(number)
                if data:
                    del waiting[number]
                else:
                    raise AssertionError('a connection was ended after %r' % entry[1][-200:])
    poll.close()
    return len(waiting)


def clients(port, count, source, pipe):
    """A process of clients: connects, upgrades, subscribes, and then waits for the message, each when it is told to."""
    try:
        request = handshake_lines(port, key=KEY)
        sockets = []
        for begin in range(0, count, 500):
            some = []
            for _ in range(min(500, count - begin)):
                each = socket.socket()
                each.setsockopt(socket.IPPROTO_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT
                each.settimeout(60)
                each.bind((source, 0))
                each.connect(('127.0.0.1', port))
                each.sendall(request)
                some.append(each)
            late = read_until(some, b'\r\n\r\n')
            if late:
                raise AssertionError('%d were not let in' % late)
            sockets += some
        pipe.send(('connected', len(sockets)))
        pipe.recv()
        for each in sockets:
            each.sendall(SUBSCRIBE)
        pipe.send(('subscribed', count - read_until(sockets, SUBSCRIBED)))
        pipe.recv()
        pipe.send(('got it', count - read_until(sockets, b'"data":"hello"}')))
        pipe.recv()
    except Exception as error:  # told by the case
        pipe.send((repr(error), 0))


@cases('%d idle WebSockets are let in, cost little, and all get a message of a channel' % COUNT)
def idle(_=None):
    print('    %d idle WebSockets, where %d files may be open (ulimit -Hn)' % (COUNT, FILES))
    assert COUNT >= ENOUGH or FILES < ENOUGH + SPARE, 'they are too few: %d or more, without LIVE_IDLE, are possible here' % ENOUGH
    if COUNT + SPARE > FILES:
        raise Skip('%d files may be open here, not %d (ulimit -Hn)' % (FILES, COUNT + SPARE))
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, FILES))  # the server and the clients have it from here
    with Server('--http.max-connections', str(COUNT + 100)) as server:
        server.start()
        teller = Live(server)
        teller.ask('ping')
        before = server.rss_kb()
        context = multiprocessing.get_context('fork')
        processes, pipes = [], []
        for number, begin in enumerate(range(0, COUNT, OF_A_PROCESS)):
            near, far = context.Pipe()
            processes.append(context.Process(target=clients, daemon=True, args=(
                server.http_port, min(OF_A_PROCESS, COUNT - begin), '127.0.0.%d' % (2 + number), far)))
            pipes.append(near)
            processes[-1].start()

        def told(what, seconds=180):
            count = 0
            for pipe in pipes:
                if not pipe.poll(seconds):
                    raise AssertionError('waited %d s until clients were %s' % (seconds, what))
                word, number = pipe.recv()
                equal(word, what)
                count += number
            equal(count, COUNT, what)

        def go_on():
            for pipe in pipes:
                pipe.send(True)
        started = time.monotonic()

        def stage(name):
            print('    %s after %.1f s: it grew by %.1f MB, %.0f bytes each' % (
                name, time.monotonic() - started, (server.rss_kb() - before) / 1024, (server.rss_kb() - before) * 1024 / COUNT))
        try:
            told('connected')
            stage('connected')
            equal(server.metrics()['leat_live_websockets'], COUNT + 1)
            go_on()
            told('subscribed')
            stage('subscribed')
            go_on()
            receivers = teller.ask('publish', channel=CHANNEL, data='hello')['receivers']
            equal(receivers >= 1, True, receivers)
            told('got it')
            stage('got a message')
            each = (server.rss_kb() - before) * 1024 / COUNT
            assert each < BYTES_MAX, 'it grew by %d bytes for each' % each
            go_on()
        finally:
            for process in processes:
                process.join(20)
                if process.is_alive():
                    process.kill()
                    process.join()
        wait_for('them to be gone', lambda: server.metrics()['leat_live_websockets'] == 1)
        stage('gone')
        teller.ask('ping')
        teller.leave()
