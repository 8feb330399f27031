"""Hashes, lists and sets."""
from .family import PatternFamily

hashes = PatternFamily('hashes', '''
8 HSET <hash> { <field> <value> }
0.4 HSET <hash> <many:pairs>
1 HMSET <hash> { <field> <value> }
2 HSETNX <hash> <field> <value>
4 HGET <hash> <field>
2 HMGET <hash> { <field> }
3 HGETALL <hash>
1 HKEYS <hash>
1 HVALS <hash>
2 HLEN <hash>
2 HEXISTS <hash> <field>
2 HSTRLEN <hash> <field>
3 HDEL <hash> { <field> }
3 HINCRBY <hash> <field> <int>
3 HINCRBYFLOAT <hash> <field> <float>
1 HRANDFIELD <hash>
1 HRANDFIELD <hash> ( <small:5> | <index> ) [ WITHVALUES ]
0.3 HRANDFIELD <hash> -<small:5>
1 OBJECT ENCODING <hash>
0.7 DEL <hash>
''')

lists = PatternFamily('lists', '''
5 LPUSH <list> { <member> }
5 RPUSH <list> { <member> }
0.4 ( LPUSH | RPUSH ) <list> ( <many:members> | <many:integers> )
1 RPUSH <list> { <value> }
1 LPUSHX <list> { <member> }
1 RPUSHX <list> { <member> }
2 LPOP <list> [ <count> ]
2 RPOP <list> [ <count> ]
3 LRANGE <list> <index> <index>
2 LRANGE <list> 0 -1
2 LLEN <list>
2 LINDEX <list> <index>
2 LSET <list> <index> <value>
2 LINSERT <list> ( BEFORE | AFTER | before | FOO ) <member> <member>
2 LREM <list> <index> <member>
1 LTRIM <list> <index> <index>
2 LPOS <list> <member> [ RANK <index> ] [ COUNT <count> ] [ MAXLEN <count> ]
2 LMOVE <list> <list> ( LEFT | RIGHT ) ( LEFT | RIGHT | FOO )
1 RPOPLPUSH <list> <list>
2 LMPOP <keys:list> ( LEFT | RIGHT ) [ COUNT <count> ]
1 OBJECT ENCODING <list>
0.5 DEL <list>
''')

sets = PatternFamily('sets', '''
6 SADD <set> { <member> }
3 SADD <set> { <small:100> }
0.5 SADD <set> ( <many:members> | <many:integers> )
3 SREM <set> { <member> }
2 SMEMBERS <set>
3 SISMEMBER <set> <member>
2 SMISMEMBER <set> { <member> }
2 SCARD <set>
2 SMOVE <set> <set> <member>
1 SPOP <set> [ <count> ]
1 SRANDMEMBER <set> [ <index> ]
2 ( SINTER | SUNION | SDIFF ) { <set> }
2 ( SINTERSTORE | SUNIONSTORE | SDIFFSTORE ) <set> { <set> }
2 SINTERCARD <keys:set> [ LIMIT <count> ]
2 OBJECT ENCODING <set>
0.7 DEL <set>
''')

FAMILIES = [hashes, lists, sets]
