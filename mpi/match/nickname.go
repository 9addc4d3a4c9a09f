package match

import (
	"maps"
	"slices"
	"strings"
)

// Short forms and spellings, each with the names that it is used for.
var nicknames = map[string]string{
	"abby": "abigail", "alex": "alexander alexandra", "andy": "andrew", "drew": "andrew", "angie": "angela", "annie": "ann anna anne",
	"nancy": "ann anne", "tony": "anthony antonio", "art": "arthur", "barb": "barbara", "babs": "barbara", "becky": "rebecca",
	"ben": "benjamin", "benny": "benjamin", "bern": "bernard", "beth": "elizabeth", "betsy": "elizabeth", "betty": "elizabeth",
	"liz": "elizabeth", "lizzie": "elizabeth", "eliza": "elizabeth", "lisa": "elizabeth", "libby": "elizabeth", "elisabeth": "elizabeth",
	"bill": "william", "billy": "william", "will": "william", "willie": "william", "liam": "william", "bob": "robert", "bobby": "robert",
	"rob": "robert", "robbie": "robert", "bert": "robert albert herbert", "brad": "bradley", "cathy": "catherine katherine",
	"kathy": "katherine catherine kathleen", "kate": "katherine catherine kathleen", "katie": "katherine catherine kathleen", "kay": "katherine catherine",
	"catherine": "katherine", "kathryn": "katherine", "cathryn": "katherine", "charlie": "charles charlotte", "chuck": "charles",
	"chris": "christopher christine christina", "kit": "christopher", "tina": "christine christina", "christy": "christine christina",
	"cindy": "cynthia lucinda", "dan": "daniel", "danny": "daniel", "dave": "david", "davey": "david", "deb": "deborah debra",
	"debbie": "deborah debra", "debra": "deborah", "don": "donald", "donny": "donald", "dot": "dorothy", "dottie": "dorothy", "doug": "douglas",
	"ed": "edward edwin edgar", "eddie": "edward edwin", "ted": "edward theodore", "teddy": "edward theodore", "theo": "theodore",
	"ellie": "eleanor ellen", "nell": "eleanor ellen helen", "frank": "francis franklin", "fran": "frances francis", "fred": "frederick alfred",
	"freddy": "frederick", "gabe": "gabriel", "gene": "eugene", "jerry": "gerald jerome", "gerry": "gerald", "greg": "gregory",
	"hank": "henry", "harry": "henry harold", "hal": "harold", "jack": "john jackson", "jackie": "jacqueline", "jake": "jacob",
	"jim": "james", "jimmy": "james", "jamie": "james", "jan": "janet janice", "jeff": "jeffrey", "geoff": "jeffrey geoffrey", "geoffrey": "jeffrey",
	"jen": "jennifer", "jenny": "jennifer", "jess": "jessica", "jessie": "jessica", "joe": "joseph", "joey": "joseph", "jo": "joanne josephine",
	"jon": "jonathan john", "johnny": "john", "josh": "joshua", "judy": "judith", "ken": "kenneth", "kenny": "kenneth", "kim": "kimberly",
	"larry": "lawrence", "laurence": "lawrence", "len": "leonard", "lenny": "leonard", "leo": "leonard", "lou": "louis louise", "lupe": "guadalupe",
	"maggie": "margaret", "meg": "margaret", "peggy": "margaret", "peg": "margaret", "marge": "margaret marjorie", "margie": "margaret marjorie",
	"greta": "margaret", "rita": "margaret", "mandy": "amanda", "marty": "martin", "matt": "matthew", "mathew": "matthew", "max": "maxwell maximilian",
	"mickey": "michael", "mike": "michael", "mikey": "michael", "micheal": "michael", "mitch": "mitchell", "molly": "mary", "polly": "mary",
	"mamie": "mary", "nate": "nathan nathaniel", "ned": "edward", "nick": "nicholas", "nicky": "nicholas nicole", "pam": "pamela",
	"pat": "patrick patricia", "patty": "patricia", "patsy": "patricia", "trish": "patricia", "paddy": "patrick", "pepe": "jose",
	"pancho": "francisco", "paco": "francisco", "chuy": "jesus", "memo": "guillermo", "beto": "roberto alberto", "nacho": "ignacio",
	"pete": "peter", "phil": "philip", "phillip": "philip", "ray": "raymond", "rick": "richard frederick", "ricky": "richard", "rich": "richard",
	"dick": "richard", "ron": "ronald", "ronnie": "ronald", "russ": "russell", "sam": "samuel samantha", "sammy": "samuel samantha", "sandy": "sandra alexandra",
	"sara": "sarah", "sally": "sarah", "sean": "shawn", "shaun": "shawn", "steve": "steven stephen", "stephen": "steven", "stevie": "steven stephen",
	"sue": "susan suzanne", "susie": "susan suzanne", "suzy": "susan suzanne", "terry": "theresa terence", "teresa": "theresa", "tess": "theresa", "tim": "timothy",
	"timmy": "timothy", "tom": "thomas", "tommy": "thomas", "val": "valerie", "vicky": "victoria", "vicki": "victoria", "vince": "vincent",
	"vinny": "vincent", "walt": "walter", "wes": "wesley", "zach": "zachary", "zack": "zachary", "zac": "zachary",
	"muhammad": "mohammed", "mohammad": "mohammed", "mohamed": "mohammed", "muhammed": "mohammed", "mohamad": "mohammed", "mehmet": "mohammed",
	"ahmad": "ahmed", "yusuf": "joseph yousef", "yousuf": "yousef", "yussef": "yousef", "hussain": "hussein", "husain": "hussein", "ali": "alison",
	"ann": "anne", "anna": "anne", "hanna": "hannah", "aleksandr": "alexander",
	"willy": "william", "wm": "william", "chas": "charles", "geo": "george", "jas": "james", "thos": "thomas", "robt": "robert", "jos": "joseph",
	"kristopher": "christopher", "kris": "christopher kristin kristine", "kristin": "christine kristine", "kristina": "christina", "kristine": "christine",
	"amie": "amy", "ami": "amy", "aimee": "amy", "mel": "melvin melissa melanie", "missy": "melissa", "minnie": "wilhelmina", "millie": "mildred",
	"lexi": "alexandra alexis", "sasha": "alexander alexandra", "nat": "nathan nathaniel natalie", "ollie": "oliver olivia", "archie": "archibald",
	"bernie": "bernard", "cal": "calvin", "clem": "clement", "cliff": "clifford", "con": "conrad", "curt": "curtis", "dee": "deborah diana",
	"del": "delbert", "dom": "dominic", "edie": "edith", "effie": "euphemia", "elle": "eleanor", "em": "emily emma", "emmie": "emily emma",
	"flo": "florence", "gabby": "gabrielle", "gail": "abigail", "ginny": "virginia", "gus": "augustus", "hattie": "harriet", "herb": "herbert",
	"ike": "isaac", "izzy": "isabel isabella", "bella": "isabella", "jeannie": "jean jeanne", "jerome": "jerry", "joan": "joanna", "kat": "katherine",
	"lanny": "alan", "laurie": "laura lauren", "lottie": "charlotte", "lena": "helena magdalena", "lucy": "lucille lucinda", "manny": "emmanuel manuel",
	"marv": "marvin", "mo": "maurice mohammed", "moe": "morris moses", "mort": "mortimer morton", "norm": "norman", "olly": "oliver", "penny": "penelope",
	"randy": "randall randolph", "reg": "reginald", "reggie": "reginald", "rosie": "rose rosemary", "roz": "rosalind", "rudy": "rudolph", "shelly": "michelle rochelle",
	"sid": "sidney", "stan": "stanley", "stu": "stuart", "stuart": "stewart", "tasha": "natasha", "tilly": "matilda", "toni": "antonia antoinette",
	"tori": "victoria", "trudy": "gertrude", "ursie": "ursula", "vic": "victor victoria", "viv": "vivian", "wally": "walter wallace", "winnie": "winifred",
	"alejandro": "alexander", "quique": "enrique", "kike": "enrique", "lalo": "eduardo", "tono": "antonio", "toño": "antonio", "lola": "dolores",
	"concha": "concepcion", "charo": "rosario", "maite": "maria", "ma": "maria", "marisol": "maria", "xavier": "javier",
	"mohamud": "mohammed", "muhamad": "mohammed", "mohammod": "mohammed", "md": "mohammed", "fatimah": "fatima", "fatema": "fatima", "khadijah": "khadija",
	"omer": "omar", "osman": "uthman", "othman": "uthman", "ibraheem": "ibrahim", "ismael": "ismail", "said": "saeed", "sayed": "syed", "sergei": "sergey",
	"serge": "sergey", "yuri": "yuriy", "mikhail": "michael", "oleksandr": "alexander", "natalia": "natalya", "ekaterina": "katherine", "dimitri": "dmitri", "dmitry": "dmitri",
}

// groups are, of each name of the table, the numbers of the names that it may stand for, itself among them.
var groups = groupsOf(nicknames)

func groupsOf(table map[string]string) map[string][]uint16 {
	number := map[string]uint16{}
	for _, name := range slices.Sorted(maps.Keys(table)) { // the numbers are the same in every process
		for n := range strings.FieldsSeq(name + " " + table[name]) {
			if _, ok := number[n]; !ok {
				number[n] = uint16(len(number))
			}
		}
	}
	all := make(map[string][]uint16, len(number))
	for name, n := range number {
		all[name] = []uint16{n}
		for formal := range strings.FieldsSeq(table[name]) {
			all[name] = append(all[name], number[formal])
		}
	}
	return all
}

// nick tells whether one of two names is used for the other, or both for a third, by their groups.
func nick(a, b []uint16) bool {
	for _, x := range a {
		for _, y := range b {
			if x == y {
				return true
			}
		}
	}
	return false
}
