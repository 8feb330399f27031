#!/usr/bin/python3
"""boto3 against servers of its own that are stopped and killed: what a restart keeps. suite_boto3_restarts.py ENDPOINT"""
import json
import time

from harness import Cases, Server, equal, wait_for
from sqs_support import Queue, call_json, text

cases = Cases('boto3_restarts')


def restart(server, how):
    if how == 'SIGTERM':
        equal(server.stop(), 0, 'exit code')
    else:
        server.kill()
    server.start()


def both_ways(name):
    """Makes two cases: one with SIGTERM, one with kill -9."""
    def add(function):
        for how in ('SIGTERM', 'kill -9'):
            def case(_, how=how):
                with Server() as server:
                    server.start()
                    function(server.sqs, lambda: restart(server, how))
            cases('%s (%s)' % (name, how))(case)
        return function
    return add


@both_ways('keeps queues with their attributes, tags and policies')
def queues(endpoint, again):
    dead = Queue(endpoint, 'dead', VisibilityTimeout=5)
    policy = json.dumps({'deadLetterTargetArn': dead.arn, 'maxReceiveCount': 3})
    made = [Queue(endpoint, RedrivePolicy=policy, tags={'team': 'x', 'leat:ageing_ms': '5'}),
            Queue(endpoint, fifo=True, ContentBasedDeduplication='true', DeduplicationScope='messageGroup'), dead]
    removed = Queue(endpoint)
    removed.sqs.delete_queue(QueueUrl=removed.url)
    sqs = dead.sqs
    seen = lambda: [(q.attributes(), sqs.list_queue_tags(QueueUrl=q.url).get('Tags')) for q in made]
    before = seen()
    again()
    equal(seen(), before)
    equal(sorted(sqs.list_queues()['QueueUrls']), sorted(q.url for q in made))
    equal(sqs.list_dead_letter_source_queues(QueueUrl=dead.url)['queueUrls'], [made[0].url])


@both_ways('keeps messages and attributes; what was deleted or purged stays away; leases end, receive counts go on')
def messages(endpoint, again):
    queue = Queue(endpoint, VisibilityTimeout=600)
    sent = queue.send_all(['%d' % i for i in range(100)], MessageAttributes={'n': text('5', 'Number')})
    ids = {r['MessageId']: i for i, r in enumerate(sent)}
    held = queue.receive_all(60)
    queue.delete(held[:30])
    deleted = {m['Body'] for m in held[:30]}
    twice = held[30]
    queue.set_visibility(twice, 0)
    wait_for('it to come again', lambda: [m for m in queue.receive() if m['Body'] == twice['Body']], 30)
    counted = {}
    again()
    for message in queue.receive_all(70, AttributeNames=['All'], MessageAttributeNames=['All']):
        equal(ids[message['MessageId']], int(message['Body']), 'message ids')
        equal(message['MessageAttributes']['n']['StringValue'], '5')
        assert message['Body'] not in counted, 'message %s came twice' % message['Body']
        counted[message['Body']] = int(message['Attributes']['ApproximateReceiveCount'])
    equal(set(counted), {str(i) for i in range(100)} - deleted, 'what came after the restart')
    equal(counted[twice['Body']], 3, 'receive count of what came twice before')
    wrong = [m['Body'] for m in held[31:] if counted[m['Body']] < 2]
    equal(wrong, [], 'messages whose receive count began again')
    equal((queue.receive(), queue.counts()), ([], (0, 70, 0)))
    queue.sqs.purge_queue(QueueUrl=queue.url)
    queue.send('after the purge')
    again()
    equal((queue.bodies(1), queue.counts()), (['after the purge'], (0, 1, 0)))


@both_ways('a receipt handle from before the restart still deletes, if nobody got the message since')
def handles(endpoint, again):
    queue = Queue(endpoint)
    queue.send_all(['a', 'b'])
    held = queue.receive_all(2)
    again()
    queue.delete(held[:1])
    queue.send('c')
    equal(sorted(queue.bodies(2)), sorted([held[1]['Body'], 'c']))


@both_ways('keeps delays, visible neither early nor late, and the order of FIFO groups')
def delays(endpoint, again):
    queue = Queue(endpoint)
    queue.send('soon', DelaySeconds=2)
    queue.send('late', DelaySeconds=900)
    ordered = Queue(endpoint, fifo=True, ContentBasedDeduplication='true')
    ordered.send_all(['%d' % i for i in range(20)], MessageGroupId=lambda b: 'g%d' % (int(b) % 2))
    held = ordered.receive(4)
    ordered.delete(held[:2])
    again()
    message, = queue.receive(wait=20, AttributeNames=['SentTimestamp'])
    equal(message['Body'], 'soon')
    passed = time.time() * 1000 - int(message['Attributes']['SentTimestamp'])
    assert passed >= 2000, 'it came after %d ms' % passed
    equal(queue.counts(), (0, 1, 1))
    bodies = ordered.bodies(18, delete=True)
    for group in (0, 1):
        mine = [int(b) for b in bodies if int(b) % 2 == group]
        equal(mine, sorted(mine), 'order of group %d' % group)
    equal(set(map(int, bodies)), set(range(20)) - {int(m['Body']) for m in held[:2]})


@both_ways('deduplicates what was sent before')
def deduplication(endpoint, again):
    queue = Queue(endpoint, fifo=True, ContentBasedDeduplication='true')
    first = [queue.send('by content', MessageGroupId='g'),
             queue.send('by id', MessageGroupId='g', MessageDeduplicationId='x')]
    queue.delete(queue.receive(1))
    again()
    second = [queue.send('by content', MessageGroupId='g'),
              queue.send('another', MessageGroupId='g', MessageDeduplicationId='x')]
    equal([r['MessageId'] for r in second], [r['MessageId'] for r in first])
    equal([r['SequenceNumber'] for r in second], [r['SequenceNumber'] for r in first])
    equal((queue.bodies(1), queue.counts()), (['by id'], (0, 1, 0)))
    short = Queue(endpoint, fifo=True, ContentBasedDeduplication='true', tags={'leat:dedup_window_ms': '500'})
    short.send('x', MessageGroupId='g')
    time.sleep(0.6)
    again()
    short.send('x', MessageGroupId='g')
    equal(short.counts(), (2, 0, 0), 'what is older than the window')


@both_ways('counts receives up to the limit over restarts, and keeps dead letters')
def dead_letters(endpoint, again):
    dead = Queue(endpoint, 'dead')
    queue = Queue(endpoint, RedrivePolicy=json.dumps({'deadLetterTargetArn': dead.arn, 'maxReceiveCount': 3}))
    sent = queue.send('poison')
    for number in range(1, 4):
        message, = queue.receive(wait=10, AttributeNames=['All'])
        equal((message['Attributes']['ApproximateReceiveCount'], dead.counts()), (str(number), (0, 0, 0)))
        again()
    letter, = dead.receive(wait=10, VisibilityTimeout=0)
    equal((letter['MessageId'], queue.counts()), (sent['MessageId'], (0, 0, 0)))
    again()
    letter, = dead.receive(wait=10, AttributeNames=['All'])
    equal((letter['MessageId'], letter['Attributes']['DeadLetterQueueSourceArn']), (sent['MessageId'], queue.arn))
    equal(queue.receive(), [])


@both_ways('goes on with a move of dead letters')
def moves(endpoint, again):
    dead = Queue(endpoint, 'dead')
    queue = Queue(endpoint, RedrivePolicy=json.dumps({'deadLetterTargetArn': dead.arn, 'maxReceiveCount': 1}))
    queue.send_all(['%d' % i for i in range(40)])
    for message in queue.receive_all(40):
        queue.set_visibility(message, 0)
    wait_for('dead letters', lambda: dead.counts()[0] == 40)
    call_json(endpoint, 'StartMessageMoveTask', SourceArn=dead.arn, MaxNumberOfMessagesPerSecond=20)
    held = queue.receive_all(5)
    queue.delete(held)
    again()
    moved = {m['Body'] for m in held}
    while len(moved) < 40:  # a message that was moved as the server went may come twice
        moved |= set(queue.bodies(1, delete=True))
    equal(moved, {str(i) for i in range(40)})
    task = wait_for('the end of the move', lambda: [t for t in call_json(
        endpoint, 'ListMessageMoveTasks', SourceArn=dead.arn)['Results'] if t['Status'] == 'COMPLETED'])[0]
    assert task['ApproximateNumberOfMessagesMoved'] >= 35, task
    equal(dead.counts(), (0, 0, 0))


@cases('a stop ends long polls with an empty answer, at once')
def stop_ends_polls(_):
    import concurrent.futures
    with Server() as server, concurrent.futures.ThreadPoolExecutor(20) as pool:
        server.start()
        queue = Queue(server.sqs)
        waiting = [pool.submit(queue.receive, 1, 20) for _ in range(20)]
        time.sleep(0.5)
        started = time.monotonic()
        equal(server.stop(), 0)
        equal([f.result(30) for f in waiting], [[]] * 20, 'answers')
        assert time.monotonic() - started < 10, 'it took %.1f s' % (time.monotonic() - started)


if __name__ == '__main__':
    cases.main()
