"""Strings, bitmaps and HyperLogLog."""
from .family import PatternFamily

strings = PatternFamily('strings', '''
8 SET <string> <value>
1 SET <string> <value> ( NX | XX | NX XX | GET | KEEPTTL | XX KEEPTTL | NX GET | XX GET | GET KEEPTTL )
2 SET <string> <value> ( EX <s> | PX <ms> | EXAT <at_s> | PXAT <at_ms> ) [ ( NX | XX ) ] [ GET ]
0.3 SET <string> <value> ( EX <s> KEEPTTL | EX <s> PX <ms> | EX | NX NX | FOO | PX <ms> PXAT <at_ms> )
1 SETNX <string> <value>
1 SETEX <string> <s> <value>
1 PSETEX <string> <ms> <value>
6 GET <string>
1 GETSET <string> <value>
1 GETDEL <string>
2 GETEX <string> [ ( EX <s> | PX <ms> | EXAT <at_s> | PXAT <at_ms> | PERSIST ) ]
0.2 GETEX <string> ( PERSIST EX <s> | EX | NX )
2 MGET { <key:string> }
2 MSET { <string> <value> }
1 MSETNX { <string> <value> }
3 APPEND <string> <value>
2 STRLEN <string>
2 GETRANGE <string> <index> <index>
0.5 SUBSTR <string> <index> <index>
2 SETRANGE <string> <index> <value>
3 INCR <string>
2 DECR <string>
2 INCRBY <string> <int>
2 DECRBY <string> <int>
2 INCRBYFLOAT <string> <float>
1 SET <string> <int>
1 LCS <string> <string> [ LEN ] [ IDX ] [ MINMATCHLEN <count> ] [ WITHMATCHLEN ]
2 OBJECT ENCODING <string>
0.5 OBJECT REFCOUNT <string>
1 DEL <string>
''')

bitmaps = PatternFamily('bitmaps', '''
6 SETBIT <bits> <bit_offset> <bit>
4 GETBIT <bits> <bit_offset>
3 BITCOUNT <bits> [ ( <index> <index> | <index> <index> ( BYTE | FOO ) | <bit_index> <bit_index> BIT ) ]
3 BITPOS <bits> <bit> [ ( <index> | <index> <index> | <index> <index> BYTE | <bit_index> <bit_index> BIT ) ]
3 BITOP ( AND | OR | XOR | NOT | NAND ) <bits> { <bits> }
4 BITFIELD <bits> { ( GET <bit_type> <bit_place> | SET <bit_type> <bit_place> <int> | INCRBY <bit_type> <bit_place> <int> | OVERFLOW ( WRAP | SAT | FAIL | FOO ) ) }
2 BITFIELD_RO <bits> { GET <bit_type> <bit_place> }
0.3 BITFIELD_RO <bits> SET <bit_type> <bit_place> <int>
3 SET <bits> <value>
1 GET <bits>
1 STRLEN <bits>
1 DEL <bits>
0.5 SETRANGE <bits> <small:50> <value>
''')

hyperloglog = PatternFamily('hyperloglog', '''
6 PFADD <hll> { <member> }*
1 PFADD <hll> <many:members>
1 PFADD <hll> <many:integers>
4 PFCOUNT { <hll> }
2 PFMERGE <hll> { <hll> }*
1 GET <hll>
0.5 STRLEN <hll>
0.3 SET <hll> <value>
0.5 DEL <hll>
0.3 SETRANGE <hll> <small:20> <value>
0.2 APPEND <hll> <value>
0.3 PFDEBUG ( ENCODING | DECODE | FOO ) <hll>
''')

FAMILIES = [strings, bitmaps, hyperloglog]
