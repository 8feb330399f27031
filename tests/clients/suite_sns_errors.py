#!/usr/bin/python3
"""Every action and every error that botocore's model of SNS declares: one case each. suite_sns_errors.py ENDPOINT"""
import urllib.parse
import xml.etree.ElementTree

import botocore.session

from harness import Cases, equal, unique
from sns_support import Topic, Webhook, fetch, sns_of, tag_list
from sqs_support import Queue
from suite_sqs_errors import python_name, request

cases = Cases('sns_errors')
model = botocore.session.Session().get_service_model('sns')
SPACE = '{http://sns.amazonaws.com/doc/2010-03-31/}'

# What leat does not do: these answer InvalidAction.
NOT_SERVED = """AddPermission RemovePermission GetDataProtectionPolicy PutDataProtectionPolicy
    CheckIfPhoneNumberIsOptedOut CreateSMSSandboxPhoneNumber DeleteSMSSandboxPhoneNumber GetSMSAttributes
    GetSMSSandboxAccountStatus ListOriginationNumbers ListPhoneNumbersOptedOut ListSMSSandboxPhoneNumbers
    OptInPhoneNumber SetSMSAttributes VerifySMSSandboxPhoneNumber
    CreatePlatformApplication CreatePlatformEndpoint DeleteEndpoint DeletePlatformApplication GetEndpointAttributes
    GetPlatformApplicationAttributes ListEndpointsByPlatformApplication ListPlatformApplications SetEndpointAttributes
    SetPlatformApplicationAttributes""".split()

# Errors that no request brings about, and why: of every action, or of one.
UNREACHABLE = {
    'InternalErrorException': 'only a fault of the server is one',
    'AuthorizationErrorException': 'who signs with a configured key may do everything',
    'InvalidSecurityException': 'HTTPS is asked of nobody; a bad signature has the errors that all services share',
    'TopicLimitExceededException': 'the number of topics has no limit',
    'SubscriptionLimitExceededException': 'the number of subscriptions has no limit',
    'FilterPolicyLimitExceededException': 'the number of filter policies has no limit',
    'StaleTagException': 'there are no policies for tags',
    'TagPolicyException': 'there are no policies for tags',
    'ConcurrentAccessException': 'changes of tags wait for each other',
    'EndpointDisabledException': 'there are no mobile endpoints',
    'PlatformApplicationDisabledException': 'there are no mobile applications',
    'InvalidParameterValueException': 'it is about text messages, which are not sent: InvalidParameter',
    'ValidationException': 'a parameter that is missing is ValidationError, with every action',
    **{'KMS' + name: 'no KMS is asked: keys are only kept as attributes' for name in (
        'DisabledException', 'InvalidStateException', 'NotFoundException', 'OptInRequired', 'ThrottlingException',
        'AccessDeniedException')},
    ('DeleteTopic', 'NotFoundException'): 'deleting what is not there is no error',
    ('Unsubscribe', 'NotFoundException'): 'ending what is not there is no error',
    ('UntagResource', 'TagLimitExceededException'): 'there are fewer tags behind it',
}


class Given:
    """What the requests below are about."""

    def __init__(self, endpoint):
        self.topic, self.queue = Topic(endpoint, tags={'kept': 'x'}), Queue(endpoint)
        self.arn, self.absent = self.topic.arn, self.topic.arn + '-absent'
        self.subscription = self.topic.subscribe(self.queue)
        self.absent_subscription = self.subscription[:-1] + ('0' if self.subscription[-1] != '0' else '1')


def entries(*ids, message='x'):
    return lambda g: {'TopicArn': g.arn, 'PublishBatchRequestEntries': [{'Id': i, 'Message': message} for i in ids]}


def confirmable(g):
    """The token of a subscription that waits for it comes to its endpoint."""
    with Webhook() as hook:
        g.topic.subscribe(hook.url)
        return {'TopicArn': g.arn, 'Token': hook.wait(1, 'SubscriptionConfirmation')[0].json()['Token']}


# A request that succeeds for each action, and what its answer has.
CALLS = {
    'ConfirmSubscription': (confirmable, {'SubscriptionArn'}),
    'CreateTopic': (lambda g: {'Name': unique('another')}, {'TopicArn'}),
    'DeleteTopic': (lambda g: {'TopicArn': g.arn}, set()),
    'GetSubscriptionAttributes': (lambda g: {'SubscriptionArn': g.subscription}, {'Attributes'}),
    'GetTopicAttributes': (lambda g: {'TopicArn': g.arn}, {'Attributes'}),
    'ListSubscriptions': (lambda g: {}, {'Subscriptions'}),
    'ListSubscriptionsByTopic': (lambda g: {'TopicArn': g.arn}, {'Subscriptions'}),
    'ListTagsForResource': (lambda g: {'ResourceArn': g.arn}, {'Tags'}),
    'ListTopics': (lambda g: {}, {'Topics'}),
    'Publish': (lambda g: {'TopicArn': g.arn, 'Message': 'x'}, {'MessageId'}),
    'PublishBatch': (entries('a'), {'Successful', 'Failed'}),
    'SetSubscriptionAttributes': (lambda g: {'SubscriptionArn': g.subscription, 'AttributeName': 'RawMessageDelivery',
                                             'AttributeValue': 'true'}, set()),
    'SetTopicAttributes': (lambda g: {'TopicArn': g.arn, 'AttributeName': 'DisplayName', 'AttributeValue': 'x'}, set()),
    'Subscribe': (lambda g: {'TopicArn': g.arn, 'Protocol': 'sqs', 'Endpoint': g.queue.arn}, {'SubscriptionArn'}),
    'TagResource': (lambda g: {'ResourceArn': g.arn, 'Tags': tag_list({'a': 'b'})}, set()),
    'Unsubscribe': (lambda g: {'SubscriptionArn': g.subscription}, set()),
    'UntagResource': (lambda g: {'ResourceArn': g.arn, 'TagKeys': ['kept']}, set()),
}

# A request for each error: its parameters, given the above.
NONSENSE = {'TopicArn': 'nonsense', 'SubscriptionArn': 'nonsense', 'ResourceArn': 'nonsense'}
TRIGGERS = {
    ('ConfirmSubscription', 'InvalidParameterException'): lambda g: {'TopicArn': g.arn, 'Token': 'nonsense'},
    ('ConfirmSubscription', 'NotFoundException'): lambda g: {'TopicArn': g.absent, 'Token': 'nonsense'},
    ('CreateTopic', 'InvalidParameterException'): lambda g: {'Name': 'not a name'},
    ('CreateTopic', 'TagLimitExceededException'): lambda g: {
        'Name': unique('tagged'), 'Tags': tag_list({'k%d' % i: '' for i in range(51)})},
    ('ListSubscriptions', 'InvalidParameterException'): lambda g: {'NextToken': '!'},
    ('ListTopics', 'InvalidParameterException'): lambda g: {'NextToken': '!'},
    ('Publish', 'InvalidParameterException'): lambda g: {'TopicArn': g.arn, 'Message': 'x', 'Subject': 'two\nlines'},
    ('PublishBatch', 'BatchEntryIdsNotDistinctException'): entries('a', 'b', 'a'),
    ('PublishBatch', 'BatchRequestTooLongException'): entries('a', 'b', message='x' * 150_000),
    ('PublishBatch', 'EmptyBatchRequestException'): entries(),
    ('PublishBatch', 'InvalidBatchEntryIdException'): entries('a', 'not this!'),
    ('PublishBatch', 'TooManyEntriesInBatchRequestException'): entries(*'abcdefghijk'),
    ('SetSubscriptionAttributes', 'InvalidParameterException'): lambda g: {
        'SubscriptionArn': g.subscription, 'AttributeName': 'FilterPolicy', 'AttributeValue': '['},
    ('SetTopicAttributes', 'InvalidParameterException'): lambda g: {
        'TopicArn': g.arn, 'AttributeName': 'Nothing', 'AttributeValue': 'x'},
    ('Subscribe', 'InvalidParameterException'): lambda g: {
        'TopicArn': g.arn, 'Protocol': 'email', 'Endpoint': 'a@example.org'},
    ('TagResource', 'TagLimitExceededException'): lambda g: {
        'ResourceArn': g.arn, 'Tags': tag_list({'k%d' % i: '' for i in range(50)})},
}


def absent(action):
    def parameters(g):
        values = CALLS[action][0](g)
        others = {'TopicArn': g.absent, 'SubscriptionArn': g.absent_subscription, 'ResourceArn': g.absent}
        return {k: others.get(k, v) for k, v in values.items()}
    return parameters


def nonsensical(action):
    return lambda g: {k: NONSENSE.get(k, v) for k, v in CALLS[action][0](g).items()}


for served in CALLS:
    for error in model.operation_model(served).error_shapes:
        pair = (served, error.name)
        if pair in TRIGGERS or pair in UNREACHABLE or error.name in UNREACHABLE:
            continue
        if error.name in ('NotFoundException', 'ResourceNotFoundException'):
            TRIGGERS[pair] = absent(served)
        elif error.name == 'InvalidParameterException':
            TRIGGERS[pair] = nonsensical(served)


@cases('the model has no action and no error that this suite does not know')
def complete(_):
    equal(sorted([*CALLS, *NOT_SERVED]), sorted(model.operation_names), 'actions')
    declared = {(name, e.name) for name in CALLS for e in model.operation_model(name).error_shapes}
    listed = {(a, e) for a, e in declared if (a, e) in UNREACHABLE or e in UNREACHABLE}
    equal(sorted(declared - set(TRIGGERS) - listed), [], 'errors that are in neither list')
    equal(sorted(set(TRIGGERS) - declared), [], 'errors that are triggered but not in the model')
    equal(sorted(set(TRIGGERS) & listed), [], 'errors that are in both lists')
    used = listed | {e for _, e in listed}
    equal([e for e in UNREACHABLE if e not in used], [], 'reasons without an error')
    for error, reason in UNREACHABLE.items():
        print('    not triggered: %s: %s' % (error if isinstance(error, str) else ' '.join(error), reason))


def check_success(endpoint, action):
    parameters, members = CALLS[action]
    answer = getattr(sns_of(endpoint), python_name(action))(**parameters(Given(endpoint)))
    metadata = answer.pop('ResponseMetadata')
    equal((metadata['HTTPStatusCode'], len(metadata['RequestId'])), (200, 36))
    answer.pop('NextToken', None)
    equal(set(answer), members, 'members of the answer')
    output = model.operation_model(action).output_shape
    equal(members - set(output.members if output else ()), set(), 'members that the model does not have')


def check_error(endpoint, action, shape, trigger):
    expected = shape.metadata['error']
    sns = sns_of(endpoint)
    try:
        getattr(sns, python_name(action))(**trigger(Given(endpoint)))
    except sns.exceptions.ClientError as error:
        answer = error.response
        # botocore does not name the class of each error that it knows: the code tells.
        equal((answer['Error']['Code'], answer['ResponseMetadata']['HTTPStatusCode'], answer['Error'].get('Type')),
              (expected['code'], expected['httpStatusCode'], 'Sender'), str(error))
        assert answer['Error']['Message'] and len(answer['ResponseMetadata']['RequestId']) == 36, answer
        return
    raise AssertionError('it was not refused')


for name in sorted(CALLS):
    cases(name + ' succeeds')(lambda endpoint, action=name: check_success(endpoint, action))
    for declared in model.operation_model(name).error_shapes:
        if (name, declared.name) in TRIGGERS:
            cases('%s: %s' % (name, declared.name))(
                lambda endpoint, action=name, shape=declared, trigger=TRIGGERS[name, declared.name]:
                check_error(endpoint, action, shape, trigger))


def xml_error(status, body):
    found = xml.etree.ElementTree.fromstring(body)
    assert found.findtext(SPACE + 'RequestId') and found.findtext(SPACE + 'Error/' + SPACE + 'Message'), body
    return status, found.findtext(SPACE + 'Error/' + SPACE + 'Code')


def post(endpoint, **parameters):
    status, headers, body = request(endpoint, 'POST', '/', urllib.parse.urlencode(parameters),
                                    Content_Type='application/x-www-form-urlencoded')
    assert headers['Content-Type'].startswith('text/xml') and headers['x-amzn-RequestId'], headers
    return xml_error(status, body)


@cases('actions that are not served are InvalidAction')
def not_served(endpoint):
    for action in NOT_SERVED + ['NoSuchThing', 'SendMessage', 'CreateQueue', 'publish']:
        equal(post(endpoint, Action=action, Version='2010-03-31'), (400, 'InvalidAction'), action)
    for action in ('PutDataProtectionPolicy', 'CreatePlatformApplication'):
        equal(post(endpoint, Action=action, Version='2010-03-31', ResourceArn='x', Name='x'), (400, 'InvalidAction'))
    status, body = fetch(endpoint + '/?Action=ListTopics')
    equal((status, xml.etree.ElementTree.fromstring(body).tag), (200, SPACE + 'ListTopicsResponse'), 'without a version')
    status, _, body = request(endpoint, 'PUT', '/?Action=ListTopics&Version=2010-03-31')
    equal(xml_error(status, body), (400, 'InvalidAction'))


def form_of(parameters):
    """Parameters of the Query form, of those kinds that requests here have."""
    out = {}
    for name, value in parameters.items():
        if not isinstance(value, list):
            out[name] = value
            continue
        for number, entry in enumerate(value, 1):
            for key, inner in entry.items() if isinstance(entry, dict) else [('', entry)]:
                out['%s.member.%d%s' % (name, number, key and '.' + key)] = inner
    return out


@cases('a parameter that the model requires and that is missing is ValidationError')
def missing(endpoint):
    given = Given(endpoint)
    wrong = []
    for action, (parameters, _) in sorted(CALLS.items()):
        values = {'TopicArn': given.arn, 'Token': 'x'} if action == 'ConfirmSubscription' else parameters(given)
        required = model.operation_model(action).input_shape.required_members
        for name in required:
            rest = form_of({k: v for k, v in values.items() if k != name})
            expected = 'EmptyBatchRequest' if name == 'PublishBatchRequestEntries' else 'ValidationError'
            found = post(endpoint, Action=action, Version='2010-03-31', **rest)
            if found != (400, expected):
                wrong.append('%s without %s: %s' % (action, name, found))
    equal(wrong, [])
    equal(post(endpoint, Version='2010-03-31'), (400, 'ValidationError'))
    equal(post(endpoint, Action='Publish', Message='x'), (400, 'InvalidParameter'), 'neither a topic nor a target')


if __name__ == '__main__':
    cases.main()
