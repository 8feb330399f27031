#!/usr/bin/python3
"""Every action and every error that botocore's model of SQS declares, in the Query form by botocore and in JSON by hand:
one case each. suite_sqs_errors.py ENDPOINT"""
import http.client
import json
import urllib.parse
import xml.etree.ElementTree

import botocore.session

from harness import Cases, equal
from sqs_support import JsonError, Queue, call_json, client_of

cases = Cases('sqs_errors')
model = botocore.session.Session().get_service_model('sqs')

# What newer models say of errors that Debian's gives no code or status: (code, status).
NEWER = {'InvalidAttributeName': ('InvalidAttributeName', 400), 'ReceiptHandleIsInvalid': ('ReceiptHandleIsInvalid', 404),
         'InvalidMessageContents': ('InvalidMessageContents', 400), 'InvalidIdFormat': ('InvalidIdFormat', 400)}

# Errors that no request brings about, and why.
UNREACHABLE = {
    ('CreateQueue', 'QueueDeletedRecently'): 'a deleted queue is gone when DeleteQueue answers: its name is free at once',
    ('DeleteMessage', 'InvalidIdFormat'): 'a receipt handle of any other form is ReceiptHandleIsInvalid',
    ('SendMessageBatch', 'UnsupportedOperation'): 'it is told of the entry, not of the batch: see the case of its own',
}

ENTRIES = {  # of one good entry
    'SendMessageBatch': {'MessageBody': 'x'}, 'DeleteMessageBatch': {'ReceiptHandle': 'handle'},
    'ChangeMessageVisibilityBatch': {'ReceiptHandle': 'handle', 'VisibilityTimeout': 1},
}


def batch(action, *ids):
    return lambda queue: {'QueueUrl': queue.url, 'Entries': [{'Id': i, **ENTRIES[action]} for i in ids]}


def not_in_flight(queue):
    queue.send()
    message, = queue.receive_all(1, VisibilityTimeout=0)
    return {'QueueUrl': queue.url, 'ReceiptHandle': message['ReceiptHandle'], 'VisibilityTimeout': 5}


def purged(queue):
    queue.sqs.purge_queue(QueueUrl=queue.url)
    return {'QueueUrl': queue.url}


def all_in_flight(queue):
    full = Queue(queue.sqs.meta.endpoint_url, tags={'leat:in_flight_max': '1'})
    full.send_all(['1', '2'])
    full.receive_all(1)
    return {'QueueUrl': full.url}


def with_list(queue):
    return {'QueueUrl': queue.url, 'MessageBody': 'x',
            'MessageAttributes': {'list': {'DataType': 'String', 'StringListValues': ['a', 'b']}}}


# A request for each of the other errors: what its parameters are, given a queue.
TRIGGERS = {
    ('AddPermission', 'OverLimit'): lambda queue: {
        'QueueUrl': queue.url, 'Label': 'many', 'AWSAccountIds': ['111122223333'],
        'Actions': ['SendMessage', 'ReceiveMessage', 'DeleteMessage', 'GetQueueUrl', 'PurgeQueue', 'GetQueueAttributes',
                    'ChangeMessageVisibility', 'ListDeadLetterSourceQueues']},
    ('ChangeMessageVisibility', 'MessageNotInflight'): not_in_flight,
    ('ChangeMessageVisibility', 'ReceiptHandleIsInvalid'): lambda queue: {
        'QueueUrl': queue.url, 'ReceiptHandle': 'nonsense', 'VisibilityTimeout': 5},
    ('CreateQueue', 'QueueNameExists'): lambda queue: {'QueueName': queue.name, 'Attributes': {'DelaySeconds': '9'}},
    ('DeleteMessage', 'ReceiptHandleIsInvalid'): lambda queue: {'QueueUrl': queue.url, 'ReceiptHandle': 'nonsense'},
    ('GetQueueAttributes', 'InvalidAttributeName'): lambda queue: {'QueueUrl': queue.url, 'AttributeNames': ['Nothing']},
    ('SetQueueAttributes', 'InvalidAttributeName'): lambda queue: {'QueueUrl': queue.url, 'Attributes': {'Nothing': '1'}},
    ('GetQueueUrl', 'QueueDoesNotExist'): lambda queue: {'QueueName': queue.name + '-absent'},
    ('ListDeadLetterSourceQueues', 'QueueDoesNotExist'): lambda queue: {'QueueUrl': queue.url + '-absent'},
    ('PurgeQueue', 'QueueDoesNotExist'): lambda queue: {'QueueUrl': queue.url + '-absent'},
    ('PurgeQueue', 'PurgeQueueInProgress'): purged,
    ('ReceiveMessage', 'OverLimit'): all_in_flight,
    ('SendMessage', 'InvalidMessageContents'): lambda queue: {'QueueUrl': queue.url, 'MessageBody': 'a\x02b'},
    ('SendMessage', 'UnsupportedOperation'): with_list,
    ('SendMessageBatch', 'BatchRequestTooLong'): lambda queue: {'QueueUrl': queue.url, 'Entries': [
        {'Id': str(i), 'MessageBody': 'x' * 150_000} for i in range(8)]},
}
for each in ENTRIES:
    TRIGGERS[each, 'TooManyEntriesInBatchRequest'] = batch(each, *[str(i) for i in range(11)])
    TRIGGERS[each, 'EmptyBatchRequest'] = batch(each)
    TRIGGERS[each, 'BatchEntryIdsNotDistinct'] = batch(each, 'a', 'b', 'a')
    TRIGGERS[each, 'InvalidBatchEntryId'] = batch(each, 'a', 'not this!')

# A request that succeeds for each action, given a queue and a message in flight.
CALLS = {
    'AddPermission': lambda q, m: {'QueueUrl': q.url, 'Label': 'l', 'AWSAccountIds': ['111122223333'], 'Actions': ['*']},
    'ChangeMessageVisibility': lambda q, m: {'QueueUrl': q.url, 'ReceiptHandle': m, 'VisibilityTimeout': 9},
    'ChangeMessageVisibilityBatch': lambda q, m: {'QueueUrl': q.url, 'Entries': [
        {'Id': 'a', 'ReceiptHandle': m, 'VisibilityTimeout': 9}]},
    'CreateQueue': lambda q, m: {'QueueName': q.name + '-2'},
    'DeleteMessage': lambda q, m: {'QueueUrl': q.url, 'ReceiptHandle': m},
    'DeleteMessageBatch': lambda q, m: {'QueueUrl': q.url, 'Entries': [{'Id': 'a', 'ReceiptHandle': m}]},
    'DeleteQueue': lambda q, m: {'QueueUrl': q.url},
    'GetQueueAttributes': lambda q, m: {'QueueUrl': q.url, 'AttributeNames': ['All']},
    'GetQueueUrl': lambda q, m: {'QueueName': q.name},
    'ListDeadLetterSourceQueues': lambda q, m: {'QueueUrl': q.url},
    'ListQueueTags': lambda q, m: {'QueueUrl': q.url},
    'ListQueues': lambda q, m: {},
    'PurgeQueue': lambda q, m: {'QueueUrl': q.url},
    'ReceiveMessage': lambda q, m: {'QueueUrl': q.url},
    'RemovePermission': lambda q, m: {'QueueUrl': q.url, 'Label': 'there'},
    'SendMessage': lambda q, m: {'QueueUrl': q.url, 'MessageBody': 'x'},
    'SendMessageBatch': lambda q, m: {'QueueUrl': q.url, 'Entries': [{'Id': 'a', 'MessageBody': 'x'}]},
    'SetQueueAttributes': lambda q, m: {'QueueUrl': q.url, 'Attributes': {'DelaySeconds': '1'}},
    'TagQueue': lambda q, m: {'QueueUrl': q.url, 'Tags': {'a': 'b'}},
    'UntagQueue': lambda q, m: {'QueueUrl': q.url, 'TagKeys': ['a']},
}


def python_name(action):
    return ''.join('_' + c.lower() if c.isupper() else c for c in action).strip('_')


@cases('the model has no action and no error that this suite does not know')
def complete(_):
    actions = set(model.operation_names)
    equal(actions - set(CALLS), set(), 'actions without a case')
    declared = {(name, e.name) for name in actions for e in model.operation_model(name).error_shapes}
    known = set(TRIGGERS) | set(UNREACHABLE)
    equal(sorted(declared - known), [], 'errors that are in neither list')
    equal(sorted(known - declared), [], 'errors that are in a list but not in the model')
    equal(sorted(set(TRIGGERS) & set(UNREACHABLE)), [], 'errors that are in both lists')
    for (action, error), reason in sorted(UNREACHABLE.items()):
        print('    %s: %s: not triggered: %s' % (action, error, reason))


def expected_of(shape):
    error = shape.metadata.get('error')
    return (error['code'], error['httpStatusCode']) if error else NEWER[shape.name]


def check_error(endpoint, action, shape, trigger):
    code, status = expected_of(shape)
    sqs = client_of(endpoint)
    # A body that XML cannot carry is no hindrance here: the Query form escapes it.
    try:
        getattr(sqs, python_name(action))(**trigger(Queue(endpoint)))
        raise AssertionError('the Query form was not refused')
    except sqs.exceptions.ClientError as error:
        answer = error.response
        equal((type(error).__name__, answer['Error']['Code'], answer['ResponseMetadata']['HTTPStatusCode'],
               answer['Error'].get('Type')), (shape.name, code, status, 'Sender'), 'Query')
        assert answer['Error']['Message'] and answer['ResponseMetadata']['RequestId'], answer
    try:
        call_json(endpoint, action, **trigger(Queue(endpoint)))
        raise AssertionError('JSON was not refused')
    except JsonError as error:
        equal((error.body['__type'], error.headers['x-amzn-query-error'], error.status, error.headers['Content-Type']),
              ('com.amazonaws.sqs#' + shape.name, code + ';Sender', status, 'application/x-amz-json-1.0'), 'JSON')
        assert error.body['message'] and error.headers['x-amzn-RequestId'], error


def check_success(endpoint, action):
    """The members of the answer are those of the model, in both forms, and the same."""
    answers = []
    for call in (lambda **p: getattr(client_of(endpoint), python_name(action))(**p),
                 lambda **p: call_json(endpoint, action, **p)):
        queue = Queue(endpoint)
        queue.send()
        queue.send()
        message, = queue.receive(1)
        queue.sqs.add_permission(QueueUrl=queue.url, Label='there', AWSAccountIds=['111122223333'], Actions=['*'])
        answer = call(**CALLS[action](queue, message['ReceiptHandle']))
        answer.pop('ResponseMetadata', None)
        answers.append({k for k, v in answer.items() if v not in ([], {})})
    output = model.operation_model(action).output_shape
    equal(answers[0], answers[1], 'members of the answers in both forms')
    unknown = answers[0] - set(output.members if output else ())
    equal(unknown, set(), 'members that the model does not have')


for name in sorted(model.operation_names):
    cases(name + ' succeeds')(lambda endpoint, action=name: check_success(endpoint, action))
    for declared in model.operation_model(name).error_shapes:
        if (name, declared.name) in TRIGGERS:
            cases('%s: %s' % (name, declared.name))(
                lambda endpoint, action=name, shape=declared, trigger=TRIGGERS[name, declared.name]:
                check_error(endpoint, action, shape, trigger))


@cases('every action on an absent queue, and on an address without a name')
def absent(endpoint):
    queue = Queue(endpoint)
    queue.sqs.delete_queue(QueueUrl=queue.url)
    for action, parameters in sorted(CALLS.items()):
        values = parameters(queue, 'handle')
        if 'QueueUrl' not in values:
            continue
        for url, shape, legacy, status in (
                (queue.url, 'QueueDoesNotExist', 'AWS.SimpleQueueService.NonExistentQueue', 400),
                (endpoint + '/', 'InvalidAddress', 'InvalidAddress', 404)):
            try:
                call_json(endpoint, action, **{**values, 'QueueUrl': url})
                raise AssertionError('%s was not refused' % action)
            except JsonError as error:
                equal((error.body['__type'], error.headers['x-amzn-query-error'], error.status),
                      ('com.amazonaws.sqs#' + shape, legacy + ';Sender', status), action)


@cases('entries of a batch fail by the same codes')
def entry_codes(endpoint):
    queue = Queue(endpoint)
    entry = {**with_list(queue), 'Id': 'a'}
    entry.pop('QueueUrl')
    answer = queue.sqs.send_message_batch(QueueUrl=queue.url, Entries=[entry, {'Id': 'b', 'MessageBody': 'x'}])
    equal([(f['Id'], f['Code'], f['SenderFault']) for f in answer['Failed']],
          [('a', 'AWS.SimpleQueueService.UnsupportedOperation', True)])
    equal([s['Id'] for s in answer['Successful']], ['b'])


def request(endpoint, method, path, body=None, **headers):
    """(status, headers, body) of a request made by hand."""
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(endpoint).netloc, timeout=30)
    try:
        connection.request(method, path, body, {k.replace('_', '-'): v for k, v in headers.items()})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def xml_code(status, headers, body):
    found = xml.etree.ElementTree.fromstring(body)
    space = '{http://queue.amazonaws.com/doc/2012-11-05/}'
    assert found.findtext(space + 'RequestId') and headers['Content-Type'].startswith('text/xml'), body
    return status, found.findtext(space + 'Error/' + space + 'Code')


@cases('what every AWS service refuses: unknown and missing actions and parameters, and what cannot be read')
def common(endpoint):
    queue = Queue(endpoint)
    form = {'Content_Type': 'application/x-www-form-urlencoded'}
    post = lambda **p: xml_code(*request(endpoint, 'POST', '/', urllib.parse.urlencode(p), **form))
    equal(post(Action='NoSuchThing'), (400, 'InvalidAction'))
    equal(post(Version='2012-11-05'), (400, 'MissingParameter'))
    equal(post(Action='SendMessage', QueueUrl=queue.url), (400, 'MissingParameter'))
    equal(post(Action='SendMessage', MessageBody='x'), (400, 'MissingParameter'))
    equal(post(Action='ReceiveMessage', QueueUrl=queue.url, MaxNumberOfMessages='x'), (400, 'MalformedInput'))
    for name, value in (('MaxNumberOfMessages', 11), ('MaxNumberOfMessages', 0), ('WaitTimeSeconds', 21),
                        ('VisibilityTimeout', 43201), ('VisibilityTimeout', -1)):
        equal(post(Action='ReceiveMessage', QueueUrl=queue.url, **{name: value}), (400, 'InvalidParameterValue'), name)
    equal(xml_code(*request(endpoint, 'PUT', '/?Action=ListQueues')), (400, 'InvalidAction'))
    path = urllib.parse.urlsplit(queue.url).path
    query = lambda **p: request(endpoint, 'GET', path + '?' + urllib.parse.urlencode(p))
    equal(query(Action='SendMessage', MessageBody='by GET & the queue\'s path')[0], 200)
    equal(queue.bodies(1), ['by GET & the queue\'s path'])

    def by_json(action, body):
        status, headers, answer = request(endpoint, 'POST', '/', body, Content_Type='application/x-amz-json-1.0',
                                          X_Amz_Target=action)
        return status, json.loads(answer)['__type'].split('#')[1], headers['x-amzn-query-error']
    equal(by_json('AmazonSQS.NoSuchThing', '{}')[:2], (400, 'UnknownOperationException'))
    equal(by_json('AmazonSNS.ListQueues', '{}')[:2], (400, 'UnknownOperationException'))
    for body in ('{', '[]', '"x"', '{"QueueUrl": 5}', '{"QueueUrl": {}}', '{"QueueUrl": "a"} x', '\xff', '{"QueueUrl":"\\ud800"}'):
        equal(by_json('AmazonSQS.GetQueueAttributes', body.encode('latin-1'))[:2], (400, 'SerializationException'), body)
    equal(by_json('AmazonSQS.GetQueueAttributes', '{}'),
          (400, 'MissingRequiredParameterException', 'MissingParameter;Sender'))


if __name__ == '__main__':
    cases.main()
