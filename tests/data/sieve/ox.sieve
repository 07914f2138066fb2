# Written by a groupware server
require [ "fileinto" , "imap4flags" , "copy" , "relational" , "date" , "vacation" ] ;

## Flag: vacation|UniqueId:3|Rulename: away
if allof ( currentdate :value "ge" :zone "+0100" "date" "2020-01-01" , currentdate :value "le" :zone "+0100" "date" "2099-12-31" , header :is "Subject" "holidays" )
{
    vacation :days 7 :subject "Away" :addresses [ "anna@okapi.test" , "a@okapi.test" ] text:
I am away.
..
.
 ;
}

## Flag: |UniqueId:0|Rulename: important
if allof ( header :contains [ "To", "Cc" ] "anna" , header :contains "Subject" "important" , not size :over 5M )
{
    addflag [ "$cl_1" , "\\Flagged" ] ;
    fileinto :copy "INBOX/Bills" ;
    stop ;
}

## Flag: autoforward|UniqueId:1|Rulename: on
#<!-- disabled
#if true { discard; }
#-->
