"""Scenarios of the APIs about who clients are and what they may do, on a server without users. Each is called once for every
advertised version."""
from scenario import check, equal, no_error

MECHANISMS = ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512']
UNSUPPORTED_SASL_MECHANISM = 33
ILLEGAL_SASL_STATE = 34
INVALID_REQUEST = 42
SASL_AUTHENTICATION_FAILED = 58
RESOURCE_NOT_FOUND = 91
UNACCEPTABLE_CREDENTIAL = 93
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


SCENARIOS = {
    'SaslHandshake': sasl_handshake,
    'SaslAuthenticate': sasl_authenticate,
    'DescribeUserScramCredentials': describe_user_scram_credentials,
    'AlterUserScramCredentials': alter_user_scram_credentials,
    'CreateAcls': create_acls,
    'DescribeAcls': describe_acls,
    'DeleteAcls': delete_acls,
}
