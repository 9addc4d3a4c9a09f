package match

import "strings"

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
	"ann": "anne", "anna": "anne", "hanna": "hannah", "aleksandr": "alexander", "dimitri": "dmitri", "dmitry": "dmitri",
}

// nick tells whether one of a and b is used for the other, or both for a third.
func nick(a, b string) bool {
	if a == b {
		return false
	}
	for x := range strings.FieldsSeq(a + " " + nicknames[a]) {
		for y := range strings.FieldsSeq(b + " " + nicknames[b]) {
			if x == y {
				return true
			}
		}
	}
	return false
}
