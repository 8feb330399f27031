"""Scenarios of the APIs about who clients are and what they may do, on a server without users. Each is called once for every
advertised version."""
from scenario import check, equal, no_error

MECHANISMS = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER']
UNSUPPORTED_SASL_MECHANISM = 33
ILLEGAL_SASL_STATE = 34
UNSUPPORTED_VERSION = 35
INVALID_REQUEST = 42
SASL_AUTHENTICATION_FAILED = 58
RESOURCE_NOT_FOUND = 91
UNACCEPTABLE_CREDENTIAL = 93
EXACT, DEFAULT, ANY_NAME = 0, 1, 2
ANY, TOPIC, LITERAL, PREFIXED, READ, WRITE, ALLOW = 1, 2, 3, 4, 3, 4, 3


def sasl_handshake(server, version):
    answer = server.call('SaslHandshake', version, Mechanism='GSSAPI')
    equal((answer['ErrorCode'], answer['Mechanisms']), (UNSUPPORTED_SASL_MECHANISM, MECHANISMS), 'an unknown mechanism')
    with server.connect() as connection:
        answer = connection.call('SaslHandshake', version, Mechanism='PLAIN')
        equal((answer['ErrorCode'], answer['Mechanisms']), (0, MECHANISMS), 'a known mechanism')


def sasl_authenticate(server, version):
    answer = server.call('SaslAuthenticate', version, AuthBytes=b'')
    equal(answer['ErrorCode'], ILLEGAL_SASL_STATE, 'error without a handshake')
    no_error(server.call('SaslHandshake', 1, Mechanism='PLAIN')['ErrorCode'], 'the handshake')
    answer = server.call('SaslAuthenticate', version, AuthBytes=b'\0%s\0password' % server.name('user').encode())
    equal((answer['ErrorCode'], answer['AuthBytes']), (SASL_AUTHENTICATION_FAILED, b''), 'error of an unknown user')
    check(answer['ErrorMessage'], 'a message')
    server.reconnect()


def describe_user_scram_credentials(server, version):
    answer = server.call('DescribeUserScramCredentials', version, Users=None)
    equal((answer['ErrorCode'], answer['ErrorMessage'], answer['Results']), (0, None, []), 'all users')
    name = server.name('user')
    answer = server.call('DescribeUserScramCredentials', version, Users=[{'Name': name}])
    equal([(r['User'], r['ErrorCode']) for r in answer['Results']], [(name, RESOURCE_NOT_FOUND)], 'an unknown user')


def alter_user_scram_credentials(server, version):
    name = server.name('user')
    answer = server.call('AlterUserScramCredentials', version, Deletions=[{'Name': name, 'Mechanism': 1}], Upsertions=[])
    equal([(r['User'], r['ErrorCode']) for r in answer['Results']], [(name, RESOURCE_NOT_FOUND)], 'an unknown user')
    answer = server.call('AlterUserScramCredentials', version, Deletions=[], Upsertions=[
        {'Name': name, 'Mechanism': 1, 'Iterations': 4096, 'Salt': b'salt', 'SaltedPassword': b'x' * 32}])
    equal([r['ErrorCode'] for r in answer['Results']], [UNACCEPTABLE_CREDENTIAL], 'a first user who may do nothing')
    check('alter the cluster' in answer['Results'][0]['ErrorMessage'], 'a message that says what is missing')


def acl(principal, name, operation=READ, pattern=LITERAL):
    return {'ResourceType': TOPIC, 'ResourceName': name, 'ResourcePatternType': pattern, 'Principal': principal, 'Host': '*',
            'Operation': operation, 'PermissionType': ALLOW}


def acl_filter(principal, **more):
    return {'ResourceTypeFilter': ANY, 'ResourceNameFilter': None, 'PatternTypeFilter': ANY, 'PrincipalFilter': principal,
            'HostFilter': None, 'Operation': ANY, 'PermissionType': ANY, **more}


def create(server, version, *acls):
    answer = server.call('CreateAcls', version, Creations=list(acls))
    return [result['ErrorCode'] for result in answer['Results']]


def create_acls(server, version):
    principal = 'User:' + server.name('user')
    equal(create(server, version, acl(principal, 'a'), acl(principal, 'a', operation=ANY), acl('nobody', 'a')),
          [0, INVALID_REQUEST, INVALID_REQUEST], 'error codes')
    found = server.call('DescribeAcls', 3, **acl_filter(principal))
    equal([r['ResourceName'] for r in found['Resources']], ['a'], 'what was made')


def describe_acls(server, version):
    principal = 'User:' + server.name('user')
    equal(create(server, 3, acl(principal, 'a'), acl(principal, 'a', WRITE), acl(principal, 'b', pattern=PREFIXED)), [0, 0, 0],
          'error codes')
    answer = server.call('DescribeAcls', version, **acl_filter(principal))
    equal((answer['ErrorCode'], answer['ErrorMessage']), (0, None), 'error')
    equal([(r['ResourceType'], r['ResourceName'], r['PatternType'], sorted(a['Operation'] for a in r['Acls']))
           for r in answer['Resources']], [(TOPIC, 'a', LITERAL, [READ, WRITE]), (TOPIC, 'b', PREFIXED, [READ])], 'what is there')
    answer = server.call('DescribeAcls', version, **acl_filter(principal, Operation=99))
    equal((answer['ErrorCode'], answer['Resources']), (INVALID_REQUEST, []), 'error of an unknown operation')


def delete_acls(server, version):
    principal = 'User:' + server.name('user')
    equal(create(server, 3, acl(principal, 'a'), acl(principal, 'b')), [0, 0], 'error codes')
    answer = server.call('DeleteAcls', version, Filters=[
        acl_filter(principal, ResourceNameFilter='a'), acl_filter(principal, PermissionType=99)])
    first, second = answer['FilterResults']
    equal((first['ErrorCode'], second['ErrorCode']), (0, INVALID_REQUEST), 'error codes')
    equal([(m['ErrorCode'], m['ResourceName'], m['Principal'], m['PatternType']) for m in first['MatchingAcls']],
          [(0, 'a', principal, LITERAL)], 'what went')
    found = server.call('DescribeAcls', 3, **acl_filter(principal))
    equal([r['ResourceName'] for r in found['Resources']], ['b'], 'what is left')


def quota(server, version, entity, ops, **options):
    """The error code and message of a change of one entity."""
    answer = server.call('AlterClientQuotas', version, ValidateOnly=options.get('validate', False), Entries=[
        {'Entity': [{'EntityType': kind, 'EntityName': name} for kind, name in entity],
         'Ops': [{'Key': key, 'Value': value or 0.0, 'Remove': value is None} for key, value in ops]}])
    [entry] = answer['Entries']
    equal([(e['EntityType'], e['EntityName']) for e in entry['Entity']], entity, 'entity')
    return entry['ErrorCode'], entry['ErrorMessage']


def quotas(server, version, *components, strict=False):
    """What is described: entity -> limits."""
    answer = server.call('DescribeClientQuotas', version, Strict=strict, Components=[
        {'EntityType': kind, 'MatchType': match_type, 'Match': match} for kind, match_type, match in components])
    equal((answer['ErrorCode'], answer['ErrorMessage']), (0, None), 'error')
    return {tuple((e['EntityType'], e['EntityName']) for e in entry['Entity']): {v['Key']: v['Value'] for v in entry['Values']}
            for entry in answer['Entries']}


def alter_client_quotas(server, version):
    user, client = server.name('user'), server.name('client')
    of = [('user', user), ('client-id', client)]
    equal(quota(server, version, of, [('request_rate', 1000.5)], validate=True), (0, None), 'only validated')
    equal(quotas(server, 1, ('user', EXACT, user)), {}, 'after only validating')
    equal(quota(server, version, of, [('request_rate', 1000.5), ('producer_byte_rate', 1e9)]), (0, None), 'two limits')
    equal(quotas(server, 1, ('user', EXACT, user)), {tuple(of): {'request_rate': 1000.5, 'producer_byte_rate': 1e9}}, 'kept')
    equal(quota(server, version, of, [('request_rate', None)]), (0, None), 'one goes')
    equal(quotas(server, 1, ('user', EXACT, user)), {tuple(of): {'producer_byte_rate': 1e9}}, 'what is left')
    equal(quota(server, version, of, [('producer_byte_rate', None)]), (0, None), 'the other goes')
    equal(quotas(server, 1, ('user', EXACT, user)), {}, 'nothing is left')
    for entity, ops in ((of, [('speed', 1.0)]), (of, [('producer_byte_rate', -1.0)]), (of, [('producer_byte_rate', 0.0)]),
                        (of, [('producer_byte_rate', 1.5)]), (of, [('producer_byte_rate', float('nan'))]),
                        (of, [('connection_creation_rate', 1.0)]), (of, [('request_percentage', 10.0)]),
                        (of, [('request_rate', 1.0), ('request_rate', 2.0)]), ([], [('request_rate', 1.0)]),
                        ([('group', 'a')], [('request_rate', 1.0)]), ([('user', '')], [('request_rate', 1.0)]),
                        ([('user', user), ('user', 'b')], [('request_rate', 1.0)]),
                        ([('ip', '10.0.0.1')], [('request_rate', 1.0)]), ([('ip', 'nowhere')], [('connection_creation_rate', 1.0)]),
                        ([('user', user), ('ip', '10.0.0.1')], [('connection_creation_rate', 1.0)])):
        code, message = quota(server, version, entity, ops)
        equal((code, bool(message)), (INVALID_REQUEST, True), f'error of {entity} {ops}')
    check('request_rate' in quota(server, version, of, [('request_percentage', 10.0)])[1], 'what to set instead')


def describe_client_quotas(server, version):
    user, client = server.name('user'), server.name('client')
    alone, both, default = [('user', user)], [('user', user), ('client-id', client)], [('user', user), ('client-id', None)]
    address = [('ip', '192.0.2.1')]
    for of in (alone, both, default):
        equal(quota(server, 1, of, [('request_rate', 5.0)]), (0, None), 'error')
    equal(quota(server, 1, address, [('connection_creation_rate', 5.0)]), (0, None), 'error')

    def found(*components, strict=False):
        return sorted(quotas(server, version, *components, strict=strict), key=str)
    a, b, d = tuple(alone), tuple(both), tuple(default)
    equal(found(('user', EXACT, user)), sorted([a, b, d], key=str), 'all of the user')
    equal(found(('user', EXACT, user), strict=True), [a], 'of nothing but the user')
    equal(found(('user', EXACT, user), ('client-id', ANY_NAME, None)), sorted([b, d], key=str), 'with any client id')
    equal(found(('user', EXACT, user), ('client-id', DEFAULT, None)), [d], 'with the default')
    equal(found(('client-id', EXACT, client), strict=True), [], 'of nothing but the client id')
    equal(found(('client-id', EXACT, client)), [b], 'of the client id')
    equal(found(('ip', EXACT, '192.0.2.1')), [tuple(address)], 'of an address')
    equal({a, b, d, tuple(address)} <= set(found()), True, 'everything')
    equal(found(strict=True), [], 'nothing but nothing')
    for components, expected in (([('user', EXACT, None)], INVALID_REQUEST), ([('user', 3, 'a')], INVALID_REQUEST),
                                 ([('', EXACT, 'a')], INVALID_REQUEST), ([('group', EXACT, 'a')], UNSUPPORTED_VERSION),
                                 ([('user', EXACT, 'a'), ('user', DEFAULT, None)], INVALID_REQUEST),
                                 ([('user', EXACT, 'a'), ('ip', ANY_NAME, None)], INVALID_REQUEST)):
        answer = server.call('DescribeClientQuotas', version, Strict=False, Components=[
            {'EntityType': kind, 'MatchType': match_type, 'Match': match} for kind, match_type, match in components])
        equal((answer['ErrorCode'], answer['Entries']), (expected, None), f'error of {components}')
    for of, key in ((alone, 'request_rate'), (both, 'request_rate'), (default, 'request_rate'),
                    (address, 'connection_creation_rate')):
        equal(quota(server, 1, of, [(key, None)]), (0, None), 'error')


SCENARIOS = {
    'SaslHandshake': sasl_handshake,
    'SaslAuthenticate': sasl_authenticate,
    'DescribeUserScramCredentials': describe_user_scram_credentials,
    'AlterUserScramCredentials': alter_user_scram_credentials,
    'CreateAcls': create_acls,
    'DescribeAcls': describe_acls,
    'DeleteAcls': delete_acls,
    'AlterClientQuotas': alter_client_quotas,
    'DescribeClientQuotas': describe_client_quotas,
}
