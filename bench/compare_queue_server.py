"""A leat of one's own with its SQS endpoint, and the program that loads queues."""
import http.client
import json
import time

from compare_peers import cpu_seconds, memory_mb
from compare_server import Failed, OwnServer, built_program, call, free_port


class LeatQueues(OwnServer):
    """`leat serve` on an empty folder, spoken to as SQS; stands beside Peer."""
    client, words = 'sqs', ()

    def __init__(self, options, flush):
        self.sqs_port = free_port()
        super().__init__(options, '--flush', flush, '--listen', 'sqs=127.0.0.1:%d' % self.sqs_port, '--listen', 'http=127.0.0.1:0')

    def action(self, name, timeout=120, **members):
        """What an action of SQS answers."""
        connection = http.client.HTTPConnection('127.0.0.1', self.sqs_port, timeout=timeout)
        try:
            connection.request('POST', '/', json.dumps(members), {'Content-Type': 'application/x-amz-json-1.0',
                                                                  'X-Amz-Target': 'AmazonSQS.' + name})
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        if answer.status != 200:
            raise Failed('%s: %d %s' % (name, answer.status, content.decode(errors='replace')))
        return json.loads(content)

    def create_queue(self, name, attributes=None, tags=None):
        return self.action('CreateQueue', QueueName=name, Attributes=attributes or {}, tags=tags or {})['QueueUrl']

    def queue(self, url):
        """What queue_load calls a queue."""
        return url

    def receive(self, url, **members):
        return self.action('ReceiveMessage', QueueUrl=url, **members).get('Messages', [])

    def restart(self, url, how, seconds=300):
        """Ends the server by `how`, starts it, and returns the seconds from the start until a receive has a message."""
        how()
        begun = time.monotonic()
        self.start(seconds)
        while True:
            try:
                if self.receive(url, MaxNumberOfMessages=1, WaitTimeSeconds=1):
                    return time.monotonic() - begun
            except (OSError, http.client.HTTPException):
                if self.child.poll() is not None:
                    raise Failed('the server ended after its restart: %s' % self.log_tail()) from None
            if time.monotonic() - begun > seconds:
                raise Failed('no message within %d s of a restart' % seconds)
            time.sleep(0.001)

    def cpu_seconds(self):
        return cpu_seconds(self.child.pid)

    def rss_mb(self):
        return memory_mb(self.child.pid)

    def own_memory_mb(self):
        """Without pages of files that are mapped, which the kernel may take back."""
        return memory_mb(self.child.pid, 'RssAnon')


def load(options, server, mode, queue, *words):
    """What queue_load measured on a server: one of leat or a Peer."""
    program = built_program(options, 'queue_load')
    if not program:
        raise Failed('there is no queue_load: build the release preset')
    port = getattr(server, 'sqs_port', None) or server.port
    return json.loads(call([program, server.client, mode, '--port', str(port), '--queue', server.queue(queue), *server.words,
                            *words]))
