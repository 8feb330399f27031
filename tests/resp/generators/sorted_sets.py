"""Sorted sets and geo. Ranges by member are asked only of sets whose scores are all the same: for others they are undefined."""
from .family import PatternFamily

sorted_sets = PatternFamily('sorted_sets', '''
8 ZADD <zset> { <score> <member> }
0.4 ZADD <zset> <many:scores>
2 ZADD <zset> { 0 <member> }
2 ZADD <zset> [ ( NX | XX ) ] [ ( GT | LT ) ] [ CH ] [ INCR ] { <score> <member> }
2 ZADD <zset> [ ( NX | XX | GT | LT | XX GT ) ] [ CH ] INCR <score> <member>
2 ZINCRBY <zset> <score> <member>
3 ZREM <zset> { <member> }
2 ZSCORE <zset> <member>
1 ZMSCORE <zset> { <member> }
2 ZCARD <zset>
2 ZCOUNT <zset> <bound> <bound>
2 ZLEXCOUNT <same_scores> <lex> <lex>
4 ZADD <same_scores> { 0 <member> }
0.2 ZADD <same_scores> <many:same>
1 ZREM <same_scores> { <member> }
0.3 DEL <same_scores>
0.2 SET y9 text
3 ZRANGE <zset> 0 -1 WITHSCORES
2 ZRANGE <zset> <index> <index> [ REV ] [ WITHSCORES ]
2 ZRANGE <zset> <bound> <bound> BYSCORE [ REV ] [ LIMIT <index> <index> ] [ WITHSCORES ]
2 ZRANGE <same_scores> <lex> <lex> BYLEX [ REV ] [ LIMIT <index> <index> ]
0.3 ZRANGE <zset> ( <lex> <lex> BYLEX WITHSCORES | <index> <index> LIMIT 0 1 | <bound> <bound> BYSCORE BYLEX )
1 ZREVRANGE <zset> <index> <index> [ WITHSCORES ]
2 ( ZRANGEBYSCORE | ZREVRANGEBYSCORE ) <zset> <bound> <bound> [ WITHSCORES ] [ LIMIT <index> <index> ]
2 ( ZRANGEBYLEX | ZREVRANGEBYLEX ) <same_scores> <lex> <lex> [ LIMIT <index> <index> ]
2 ZRANGESTORE <zset> <zset> ( <index> <index> [ REV ] | <bound> <bound> BYSCORE [ REV ] [ LIMIT <index> <index> ] )
1 ZRANGESTORE <zset> <same_scores> <lex> <lex> BYLEX [ REV ]
2 ( ZRANK | ZREVRANK ) <zset> <member>
1 ( ZPOPMIN | ZPOPMAX ) <zset> [ <count> ]
1 ZMPOP <keys:zset> ( MIN | MAX ) [ COUNT <count> ]
1 ( ZREMRANGEBYSCORE <zset> <bound> <bound> | ZREMRANGEBYLEX <same_scores> <lex> <lex> | ZREMRANGEBYRANK <zset> <index> <index> )
1 ( ZUNION | ZINTER ) <keys:zset> [ WEIGHTS <weights> ] [ AGGREGATE ( SUM | MIN | MAX | FOO ) ] [ WITHSCORES ]
2 ( ZUNIONSTORE | ZINTERSTORE ) <zset> <keys:zset> [ WEIGHTS <weights> ] [ AGGREGATE ( SUM | MIN | MAX ) ]
0.5 ( ZUNIONSTORE | ZINTERSTORE | ZDIFFSTORE ) <zset> <keys:set>
1 ZDIFF <keys:zset> [ WITHSCORES ]
1 ZDIFFSTORE <zset> <keys:zset>
1 ZINTERCARD <keys:zset> [ LIMIT <count> ]
1 ZRANDMEMBER <zset>
1 ZRANDMEMBER <zset> <index> [ WITHSCORES ]
1 OBJECT ENCODING <zset>
0.7 DEL <zset>
''')

geo = PatternFamily('geo', '''
6 GEOADD <geo> [ ( NX | XX ) ] [ CH ] { <place> <place_name> }
2 GEODIST <geo> <place_name> <place_name> [ ( m | km | ft | mi | M | x ) ]
2 GEOHASH <geo> { <place_name> }*
2 GEOPOS <geo> { <place_name> }*
3 GEOSEARCH <geo> ( FROMMEMBER <place_name> | FROMLONLAT <place> ) ( BYRADIUS <distance> <unit> | BYBOX <distance> <distance> <unit> ) ( ASC | DESC ) [ COUNT <count> ] [ WITHCOORD ] [ WITHDIST ] [ WITHHASH ]
1 GEOSEARCH <geo> FROMLONLAT <place> BYRADIUS <distance> <unit> [ COUNT <count> ANY ] [ WITHDIST ]
0.3 GEOSEARCH <geo> ( FROMMEMBER <place_name> FROMLONLAT <place> BYRADIUS <distance> km | BYRADIUS <distance> km | FROMMEMBER <place_name> | FROMLONLAT <place> BYRADIUS <distance> km ANY )
2 GEOSEARCHSTORE <geo> <geo> FROMLONLAT <place> ( BYRADIUS <distance> <unit> | BYBOX <distance> <distance> <unit> ) [ ( ASC | DESC ) COUNT <count> ] [ STOREDIST ]
1 GEORADIUS <geo> <place> <distance> <unit> [ WITHCOORD ] [ WITHDIST ] [ WITHHASH ] [ COUNT <count> [ ANY ] ] ( ASC | DESC ) [ ( STORE | STOREDIST ) <geo> ]
1 GEORADIUS_RO <geo> <place> <distance> <unit> [ WITHDIST ] ( ASC | DESC )
1 GEORADIUSBYMEMBER <geo> <place_name> <distance> <unit> [ WITHCOORD ] [ WITHDIST ] [ COUNT <count> ] ( ASC | DESC ) [ ( STORE | STOREDIST ) <geo> ]
1 GEORADIUSBYMEMBER_RO <geo> <place_name> <distance> <unit> [ WITHHASH ] ( ASC | DESC )
1 ZRANGE <geo> 0 -1 WITHSCORES
1 ZREM <geo> <place_name>
0.3 DEL <geo>
''')

FAMILIES = [sorted_sets, geo]
