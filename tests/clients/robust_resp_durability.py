"""What is promised of databases of each durability, across restarts."""
from harness import Cases, equal
from resp_support import connect, new_server, refused

cases = Cases('resp_durability')


def journal_bytes(server):
    return sum(f.stat().st_size for f in (server.data / 'topics').rglob('*.log'))


@cases('a database of durability none is empty after a restart, and journals nothing; others keep everything')
def none(_=None):
    with new_server('--resp.durability-of', '1=none', '--resp.durability-of', '2=commit') as server:
        server.start()
        kept, gone, committed = (connect(server.resp, db=db) for db in (0, 1, 2))
        for down in (type(server).stop, type(server).kill):
            for r in (kept, gone, committed):
                r.set('key', 'value')
                r.rpush('list', *range(10))
            before = journal_bytes(server)
            for i in range(200):
                gone.set('key %d' % i, 'x' * 1000)
                gone.rename('key %d' % i, 'renamed')
                gone.expire('renamed', 1000)
            equal(journal_bytes(server), before, 'bytes of journals')
            refused('databases of different durability', kept.swapdb, 0, 1)
            down(server)
            server.start()
            for r in (kept, gone, committed):
                r.connection_pool.disconnect()
            equal([r.dbsize() for r in (kept, gone, committed)], [2, 0, 2])
            equal(kept.get('key'), 'value')


@cases('functions and users are kept whatever the databases are')
def others(_=None):
    with new_server('--resp.durability', 'none') as server:
        server.start()
        r = connect(server.resp)
        r.function_load("#!lua name=kept\nredis.register_function('twice', function(k, a) return a[1] * 2 end)")
        r.acl_setuser('ann', enabled=True, passwords=['+secret'], categories=['+@all'], keys=['*'])
        r.set('key', 'value')
        server.kill()
        server.start()
        r.connection_pool.disconnect()
        equal((r.fcall('twice', 0, 21), r.dbsize()), (42, 0))
        equal(connect(server.resp, username='ann', password='secret').set('x', 1), True)


@cases('what was kept once is gone for good when its database is made one of durability none')
def change(_=None):
    with new_server() as server:
        server.start()
        connect(server.resp).set('key', 'value')
        server.stop()
        options = list(server.options)
        for more, size in ((['--resp.durability', 'none'], 0), ([], 0)):
            server.options = options + more
            server.start()
            equal(connect(server.resp).dbsize(), size)
            server.stop()
