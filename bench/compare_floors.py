"""What this machine takes for the work that no server can avoid."""
import os
import socket
import tempfile
import time

MEGABYTE = 1 << 20


def page_cache_write_us_per_kib(folder, size):
    """CPU time of writing `size` bytes to a new file in pwrites of a megabyte."""
    block = os.urandom(MEGABYTE)
    with tempfile.TemporaryFile(dir=folder) as file:
        begun = time.process_time()
        for at in range(0, size, MEGABYTE):
            os.pwrite(file.fileno(), block, at)
        return (time.process_time() - begun) * 1e6 / (size / 1024)


def loopback_receive_us_per_kib(size):
    """CPU time of receiving `size` bytes over loopback TCP in megabyte buffers."""
    size -= size % MEGABYTE
    listener = socket.create_server(('127.0.0.1', 0))
    sender = os.fork()
    if sender == 0:
        with socket.create_connection(listener.getsockname()) as out:
            block = bytes(MEGABYTE)
            for _ in range(size // MEGABYTE):
                out.sendall(block)
        os._exit(0)
    connection, _ = listener.accept()
    buffer = bytearray(MEGABYTE)
    left = size
    begun = time.process_time()
    while left > 0:
        received = connection.recv_into(buffer)
        if received == 0:
            raise OSError('the sender ended early')
        left -= received
    used = time.process_time() - begun
    connection.close()
    listener.close()
    os.waitpid(sender, 0)
    return used * 1e6 / (size / 1024)


def produce_us_per_kib(folder, size):
    """CPU time of both for the same bytes. The first write is not counted: it only makes memory ready, for the second one
    and for whoever writes next."""
    page_cache_write_us_per_kib(folder, size)
    return page_cache_write_us_per_kib(folder, size) + loopback_receive_us_per_kib(size)


def fdatasync_ms(folder, count):
    """(p50, p99) of fdatasync after appends of 1 KiB."""
    block = bytes(1024)
    times = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for at in range(count):
            os.pwrite(file.fileno(), block, at * 1024)
            begun = time.monotonic()
            os.fdatasync(file.fileno())
            times.append((time.monotonic() - begun) * 1000)
    times.sort()
    return times[count // 2], times[min(count - 1, count * 99 // 100)]
