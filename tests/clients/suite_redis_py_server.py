#!/usr/bin/python3
"""python3-redis and the server itself: clients, settings, users, databases, memory: suite_redis_py_server.py ADDRESS"""
import threading
import time

import redis

from harness import Cases, Skip, equal, unique, wait_for
from resp_support import PEER, connect, in_threads, refused

cases = Cases('redis_py_server')


@cases('INFO has the sections and fields that monitoring reads, and counts')
def info(address):
    r, k = connect(address), unique('info')
    found = r.info()
    for field in ('redis_version', 'redis_mode', 'tcp_port', 'uptime_in_seconds', 'process_id', 'run_id',
                  'connected_clients', 'blocked_clients', 'used_memory', 'used_memory_human', 'used_memory_rss',
                  'used_memory_peak', 'maxmemory', 'maxmemory_policy', 'mem_fragmentation_ratio',
                  'rdb_last_save_time', 'rdb_changes_since_last_save', 'aof_enabled', 'loading',
                  'total_connections_received', 'total_commands_processed', 'instantaneous_ops_per_sec',
                  'total_net_input_bytes', 'total_net_output_bytes', 'rejected_connections', 'expired_keys',
                  'evicted_keys', 'keyspace_hits', 'keyspace_misses', 'pubsub_channels', 'pubsub_patterns',
                  'latest_fork_usec', 'role', 'connected_slaves', 'used_cpu_sys', 'used_cpu_user',
                  'cluster_enabled'):
        equal(field in found, True, field)
    equal((found['redis_version'].split('.')[0] in '78', found['redis_mode'], found['role'], found['loading'],
           found['tcp_port']), (True, 'standalone', 'master', 0, int(address.rsplit(':')[1])))
    before = r.info('stats')
    r.set(k, 1)
    r.get(k)
    r.get(k + 'none')
    r.get(k + 'none')
    after = r.info('stats')
    equal([after[f] - before[f] for f in ('keyspace_hits', 'keyspace_misses')], [1, 2])
    equal(after['total_commands_processed'] - before['total_commands_processed'] >= 4, True)
    equal((r.info('commandstats')['cmdstat_get']['calls'] >= 3, r.info('keyspace')['db0']['keys'] >= 1), (True, True))
    equal('db0' in r.info('server'), False, 'one section only')


@cases('settings: patterns, several at once, errors; statistics are reset')
def config(address):
    r = connect(address)
    before = r.config_get('slowlog-log-slower-than')
    try:
        equal(r.config_set('slowlog-log-slower-than', 0), True)
        k = unique('slow')
        r.slowlog_reset()
        r.set(k, 'slow')
        entries = r.slowlog_get(20)
        (entry,) = [e for e in entries if k.encode() in e['command']]
        equal((entry['command'], entry['duration'] >= 0, abs(entry['start_time'] - time.time()) < 3600),
              (b'SET %s slow' % k.encode(), True, True))
        equal(r.slowlog_len() >= 1, True)
    finally:
        r.config_set('slowlog-log-slower-than', before['slowlog-log-slower-than'])
    names = r.config_get('maxmemory*')
    equal(({'maxmemory', 'maxmemory-policy', 'maxmemory-samples'} <= set(names), r.config_get('no-such-thing')), (True, {}))
    refused('Unknown option or number of arguments for CONFIG SET', r.config_set, 'no-such-thing', 1)
    refused('CONFIG SET failed', r.config_set, 'maxmemory', 'much')
    r.config_resetstat()
    equal(r.info('stats')['keyspace_misses'], 0)


@cases('WAITAOF answers when what this connection wrote is on the disk')
def waitaof_waits(address):
    if PEER:
        raise Skip('Redis 7.0 has no WAITAOF')
    r, k = connect(address, single_connection_client=True), unique('waitaof')

    def waitaof(*words):
        return r.execute_command('WAITAOF', *words)

    for number in range(20):
        r.set(k, number)
        equal(waitaof(1, 0, 30_000), [1, 0])
    equal(waitaof(1, 0, 0), [1, 0], 'nothing is left')
    r.set(k, 'replica')
    equal(waitaof(1, 1, 300), [1, 0], 'there are no replicas')
    with r.pipeline(transaction=False) as pipe:
        pipe.set(k, 1).execute_command('WAITAOF', 1, 0, 30_000)
        equal(pipe.get(k).execute(), [True, [1, 0], '1'])
    refused('value is out of range', waitaof, 2, 0, 0)
    refused('timeout is negative', waitaof, 1, 0, -1)
    equal(r.command()['waitaof']['arity'], 4)


@cases('clients: names, ids, lists, kills, pauses')
def clients(address):
    r, name = connect(address), unique('client')
    mine = connect(address, client_name=name, single_connection_client=True)
    (listed,) = [c for c in r.client_list() if c['name'] == name]
    equal((listed['id'], listed['db'], listed['cmd'], listed['addr'].split(':')[0]),
          (str(mine.client_id()), '0', 'client|setname', '127.0.0.1'))
    equal((mine.client_info()['name'], [c['name'] for c in r.client_list(client_id=[listed['id']])]), (name, [name]))
    equal((mine.client_setname(name + '-b'), mine.client_getname()), (True, name + '-b'))
    refused('Client names cannot contain spaces', mine.client_setname, 'a name')
    equal(r.client_kill(listed['addr']), True)
    wait_for('the client to be gone', lambda: all(c['addr'] != listed['addr'] for c in r.client_list()))
    refused('No such client', r.client_kill, listed['addr'])
    refused('Connection closed by server', mine.ping)
    equal(mine.ping(), True, 'connected again')
    k, finished = unique('paused'), []
    writer = threading.Thread(target=lambda: finished.append(connect(address).set(k, 1)))
    equal(r.client_pause(20_000, all=False), True)
    try:
        writer.start()
        wait_for('the writer to wait', lambda: r.info('clients')['blocked_clients'] >= 1)
        equal((r.get(k), finished), (None, []), 'writes wait, reads do not')
    finally:
        equal(r.client_unpause(), 'OK')
    writer.join(20)
    equal((finished, r.get(k)), ([True], '1'))


@cases('databases: SELECT, SWAPDB, MOVE, FLUSHDB, DBSIZE')
def databases(address):
    k = unique('db')
    seven, eight = connect(address, db=7), connect(address, db=8)
    for r in (seven, eight):
        r.flushdb()
    seven.mset({k: 'in 7', k + 'b': 'x'})
    eight.set(k, 'in 8')
    equal((seven.dbsize(), eight.dbsize(), seven.move(k, 8), seven.move(k + 'b', 8)), (2, 1, False, True))
    equal((eight.swapdb(7, 8), seven.get(k), eight.get(k), seven.get(k + 'b')), (True, 'in 8', 'in 7', 'x'))
    equal((seven.copy(k, k + 'copy', destination_db=8), eight.get(k + 'copy')), (True, 'in 8'))
    equal((seven.flushdb(asynchronous=True), seven.dbsize(), eight.dbsize(), eight.flushdb()), (True, 0, 2, True))
    refused('DB index is out of range', connect(address).execute_command, 'SELECT', 99)


@cases('users: passwords, allowed commands, keys and channels')
def acl(address):
    admin, name, k = connect(address), unique('user'), unique('acl')
    equal((admin.acl_whoami(), 'default' in admin.acl_users()), ('default', True))
    equal(admin.acl_setuser(name, enabled=True, passwords=['+secret'], categories=['+@read'], commands=['+set', '-mget'],
                            keys=[k + ':*'], channels=[k + '-news']), True)
    wrong = 'WRONGPASS invalid username-password pair or user is disabled.'
    try:
        user = connect(address, username=name, password='secret')
        equal((user.set(k + ':a', 1), user.get(k + ':a')), (True, '1'))
        refused("this user has no permissions to run the 'mget' command", user.mget, k + ':a')
        refused("this user has no permissions to run the 'del' command", user.delete, k + ':a')
        refused('this user has no permissions to access one of the keys used as arguments', user.get, 'other')
        refused(wrong, connect(address, username=name, password='wrong').ping)
        described = admin.acl_getuser(name)
        equal((sorted(described['flags']), described['keys'], described['channels'], len(described['passwords'])),
              (['on'], ['~' + k + ':*'], ['&' + k + '-news'], 1))
        equal((described['categories'], sorted(described['commands'])), (['-@all', '+@read'], ['+set', '-mget']))
        entries = [e for e in admin.acl_log() if e['username'] == name]
        equal({e['reason'] for e in entries} >= {'command', 'key', 'auth'}, True, entries)
        equal(admin.acl_setuser(name, enabled=False), True)
        refused(wrong, connect(address, username=name, password='secret').ping)
        equal(any(line.startswith('user %s off' % name) for line in admin.acl_list()), True)
    finally:
        equal(admin.acl_deluser(name), 1)
    equal((name in admin.acl_users(), 'read' in admin.acl_cat(), 'get' in admin.acl_cat('read'), len(admin.acl_genpass())),
          (False, True, True, 64))


@cases('COMMAND tells what there is, and which keys a command has')
def command(address):
    r = connect(address)
    found = r.command()
    equal((r.command_count(), len(found) > 200, found['get']['arity'], found['set']['step_count']), (len(found), True, 2, 1))
    equal({'write', 'denyoom'} <= set(found['set']['flags']), True)
    equal(r.command_getkeys('MSET', 'a', 1, 'b', 2), ['a', 'b'])
    equal(r.command_getkeys('EVAL', 'return 1', 2, 'x', 'y', 'z'), ['x', 'y'])
    equal(r.command_getkeys('XREADGROUP', 'GROUP', 'g', 'c', 'STREAMS', 's', 't', '>', '>'), ['s', 't'])
    equal({'get', 'set', 'xadd', 'eval', 'lock.acquire'} & set(r.command_list()) >= {'get', 'set', 'xadd', 'eval'}, True)


@cases('memory: what a key takes, a limit with eviction, and writes that are refused')
def memory(address):
    r, k = connect(address), unique('memory')
    r.set(k, 'x' * 10_000)
    equal((10_000 <= r.memory_usage(k) < 25_000, r.memory_usage(k + 'none')), (True, None))
    before = r.config_get('maxmemory*')
    evicted = r.info('stats')['evicted_keys']
    try:
        r.config_set('maxmemory-policy', 'noeviction')
        r.config_set('maxmemory', r.info('memory')['used_memory'] + 3_000_000)
        refused("OOM command not allowed when used memory > 'maxmemory'.",
                lambda: [r.set('%s-%d' % (k, i), 'y' * 10_000) for i in range(2000)])
        equal((r.get(k) is not None, r.delete(k + '-0')), (True, 1), 'reads and deletions go on')
        r.config_set('maxmemory-policy', 'allkeys-lru')
        for i in range(1000):
            r.set('%s-more-%d' % (k, i), 'y' * 10_000)
        limit = int(r.config_get('maxmemory')['maxmemory'])
        equal(r.info('stats')['evicted_keys'] > evicted, True, 'evicted keys')
        equal(r.info('memory')['used_memory'] < limit * 1.1, True, 'memory in use')
        equal(r.exists('%s-more-999' % k), 1)
    finally:
        r.config_set('maxmemory', before['maxmemory'])
        r.config_set('maxmemory-policy', before['maxmemory-policy'])
        r.delete(*(name for name in r.scan_iter(k + '*', count=1000)))


@cases('expiry: keys end by themselves, also those that nobody reads')
def expiry(address):
    r, k = connect(address, db=9), unique('expiry')
    r.flushdb()
    expired = r.info('stats')['expired_keys']
    pipe = r.pipeline(transaction=False)
    for i in range(1000):
        pipe.set('%s-%d' % (k, i), i, px=50 + i % 100)
    pipe.set(k + '-stays', 1, ex=1000)
    pipe.execute()
    wait_for('1,000 keys to end', lambda: r.dbsize() == 1, 20)
    equal((r.get(k + '-stays'), r.info('stats')['expired_keys'] - expired >= 1000), ('1', True))
    r.flushdb()


@cases('the rest: TIME, ECHO, LASTSAVE, ROLE, WAIT, RESET, OBJECT FREQ needs LFU')
def rest(address):
    r, k = connect(address), unique('rest')
    seconds, microseconds = r.time()
    equal((abs(seconds - time.time()) < 3600, 0 <= microseconds < 1_000_000), (True, True))
    equal((r.echo('hello'), r.ping()), ('hello', True))
    equal((r.lastsave().year >= 2020, r.role()[0], r.wait(0, 10)), (True, 'master', 0))
    r.set(k, 1)
    refused('An LFU maxmemory policy is not selected, access frequency not tracked.', r.object, 'freq', k)
    single = connect(address, single_connection_client=True)
    single.client_setname('before')
    equal((single.execute_command('RESET'), single.client_getname()), ('RESET', None))
    equal(r.execute_command('QUIT'), True)


@cases('a transaction that is queued is dropped with its connection, and pipelined garbage harms nobody')
def broken_clients(address):
    k = unique('broken')
    r = connect(address, single_connection_client=True)
    r.execute_command('MULTI')
    r.connection.send_command('SET', k, 'queued')
    equal(r.connection.read_response(), 'QUEUED')
    r.connection.disconnect()
    equal(r.get(k), None)
    connection = redis.Connection(host=address.rsplit(':')[0], port=int(address.rsplit(':')[1]))
    connection.connect()
    connection.send_packed_command([b'*1\r\n$notanumber\r\n'])
    refused('Protocol error: invalid bulk length', connection.read_response)
    connection.disconnect()
    in_threads(20, lambda _: equal(connect(address).ping(), True))


if __name__ == '__main__':
    cases.main()
