"""Streams and their consumer groups."""
from .family import PatternFamily

streams = PatternFamily('streams', '''
9 XADD <stream> <new_id> { <field> <value> }
2 XADD <stream> * { <field> <value> }
1 XADD <stream> [ NOMKSTREAM ] ( MAXLEN | MINID ) [ ( = | ~ ) ] ( <small:12> | <id> ) [ LIMIT <count> ] <new_id> <field> <value>
2 XLEN <stream>
3 XRANGE <stream> <range> <range> [ COUNT <count> ]
2 XRANGE <stream> - +
2 XREVRANGE <stream> <range> <range> [ COUNT <count> ]
1 XDEL <stream> { <id> }
1 XTRIM <stream> MAXLEN [ ( = | ~ ) ] <small:20> [ LIMIT <count> ]
1 XTRIM <stream> MINID [ ( = | ~ ) ] <id>
2 XREAD [ COUNT <count> ] STREAMS <stream> <id>
1 XREAD COUNT 3 STREAMS <stream> <stream> <id> <id>
4 XGROUP CREATE <stream> <group> ( $ | 0 | <id> ) [ MKSTREAM ] [ ENTRIESREAD <index> ]
0.5 XGROUP SETID <stream> <group> ( $ | 0 | <id> ) [ ENTRIESREAD <index> ]
0.3 XGROUP DESTROY <stream> <group>
1 XGROUP CREATECONSUMER <stream> <group> <consumer>
0.5 XGROUP DELCONSUMER <stream> <group> <consumer>
5 XREADGROUP GROUP <group> <consumer> [ COUNT <count> ] [ NOACK ] STREAMS <stream> >
1 XREADGROUP GROUP <group> <consumer> [ COUNT <count> ] STREAMS <stream> <id>
1 XREADGROUP GROUP <group> <consumer> STREAMS <stream> <stream> > <id>
3 XACK <stream> <group> { <id> }
2 XPENDING <stream> <group>
2 XPENDING <stream> <group> [ IDLE <idle> ] <range> <range> <count> [ <consumer> ]
2 XCLAIM <stream> <group> <consumer> <idle> { <id> } [ ( IDLE 0 | TIME 1 | RETRYCOUNT <count> ) ] [ FORCE ] [ JUSTID ] [ LASTID <id> ]
2 XAUTOCLAIM <stream> <group> <consumer> <idle> <range> [ COUNT <count> ] [ JUSTID ]
1 XINFO STREAM <stream> [ FULL [ COUNT <count> ] ]
1 XINFO GROUPS <stream>
1 XINFO CONSUMERS <stream> <group>
0.5 XSETID <stream> <id> [ ENTRIESADDED <index> MAXDELETEDID <id> ]
0.5 OBJECT ENCODING <stream>
0.3 DEL <stream>
''')

FAMILIES = [streams]
